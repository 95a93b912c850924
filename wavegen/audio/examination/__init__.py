"""Figures of one recording's signal, and warnings about it: the same for every command that reads audio."""

from wavegen.audio.examination.channels import Mix, mean_of_all
from wavegen.audio.examination.examiner import Examiner, pcm_figures
from wavegen.audio.examination.figures import Figures
from wavegen.audio.examination.findings import CHANNELS_READ, CODED, READ, Finding, Findings, findings_of

__all__ = [
    "CHANNELS_READ",
    "CODED",
    "READ",
    "Examiner",
    "Figures",
    "Finding",
    "Findings",
    "Mix",
    "findings_of",
    "mean_of_all",
    "pcm_figures",
]

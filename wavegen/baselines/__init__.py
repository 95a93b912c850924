"""Classical coders of the same files, in the same unit."""

from wavegen.baselines.base import Baseline, FileByFile
from wavegen.baselines.flac import flac_bits
from wavegen.baselines.histogram import Histogram, TrainingHistogram

__all__ = ["BASELINES", "Baseline", "Histogram", "flac_bits"]

BASELINES: tuple[Baseline, ...] = (
    FileByFile("FLAC", flac_bits),
    TrainingHistogram(),
)

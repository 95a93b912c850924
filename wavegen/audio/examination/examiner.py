"""Examines one recording block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wavegen.audio.examination.bandwidth import Spectrum
from wavegen.audio.examination.channels import STRETCH_SECONDS, Levels, Mix
from wavegen.audio.examination.depth import Depth
from wavegen.audio.examination.figures import Figures
from wavegen.audio.examination.offsets import STRETCH_SECONDS as OFFSET_SECONDS
from wavegen.audio.examination.offsets import Offsets
from wavegen.audio.examination.rails import Rails
from wavegen.audio.examination.repetition import Repetition

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Examiner:
    """Gathers figures from the channels of a recording as they are decoded; memory does not grow with their length.

    sample_rate in Hz is the file's, `subtype` libsndfile's name of its coding. The figures do not depend on how the
    recording is cut into blocks.
    """

    def __init__(self, channels: int, sample_rate: int, subtype: str):
        self.channels, self.sample_rate, self.subtype = channels, sample_rate, subtype
        self.levels = Levels(channels, max(1, round(STRETCH_SECONDS * sample_rate)))
        self.offsets = Offsets(channels, max(1, round(OFFSET_SECONDS * sample_rate)))
        self.rails = Rails(channels, subtype)
        self.depth = Depth()
        self.spectrum = Spectrum(channels)
        self.repetition = Repetition(channels)

    def add(self, block: NDArray[np.float64]) -> None:
        """The next (frames, channels) float64 of full scale 1."""
        if len(block):
            signal = np.clip(block.T, -1.0, 1.0, order="C")  # or one absurd float outweighs all others
            for part in (self.levels, self.offsets, self.rails, self.depth, self.spectrum, self.repetition):
                part.add(signal)

    def mix(self) -> Mix:
        """The channels whose mean is to be the mono signal, once all blocks have come."""
        return self.levels.mix()

    def coded_figures(self) -> Figures:
        """The figures, with the level of the channels, each of which is coded by itself."""
        wander = round(float(self.offsets.wander().max()) * 32768, 3)
        return self.figures() | self.levels.figures() | {"wander": wander, "sample_rate": self.sample_rate}

    def figures(self) -> Figures:
        """The figures of all blocks so far.

        `bits` is None for 16 or more, `edge` the share of half the sample rate above which there is nothing, or None.
        """
        return {
            "channels": self.channels,
            "source_rate": self.sample_rate,
            "subtype": self.subtype,
            "identical": self.levels.identical,
            **self.levels.mix().figures,
            **self.rails.figures(),
            "bits": self.depth.bits(),
            "edge": self.spectrum.edge(),
            "repeated": self.repetition.factor(),
        }


def pcm_figures(pcm: NDArray[np.int16], sample_rate: int) -> Figures:
    """Figures of PCM, (samples,) int16 at `sample_rate`, as JSON: peak, mean, deviation in codes, zeros in runs."""
    offsets = Offsets(1, max(1, round(OFFSET_SECONDS * sample_rate)))
    offsets.add(pcm[None])
    return {
        "samples": len(pcm),
        "sample_rate": sample_rate,
        "peak": max(int(pcm.max()), -int(pcm.min())),
        "mean": round(float(pcm.sum(dtype=np.int64)) / len(pcm), 3),
        "deviation": round(float(pcm[:: 1 + len(pcm) // SOME].std(dtype=np.float64)), 3),
        "wander": round(float(offsets.wander()[0]), 3),
        "silent": silent_samples(pcm, max(2, round(SILENCE_SECONDS * sample_rate))),
    }


BLOCK = 2**16  # samples examined at a time
SOME = 2**14  # samples whose deviation stands for that of all
SILENCE_SECONDS = 0.01  # zeros in a row that make digital silence; in quiet speech shorter runs happen


def silent_samples(pcm: NDArray[np.int16], shortest: int) -> int:
    """Counts the samples of `pcm`, (samples,) int16, in runs of at least `shortest` ≥ 1 exact zeros."""
    silent = 0
    previous = -1  # index of the last sample that is not zero
    for start in range(0, len(pcm), BLOCK):
        nonzero = start + np.flatnonzero(pcm[start : start + BLOCK])
        runs = np.diff(nonzero, prepend=previous) - 1
        silent += int(runs[runs >= shortest].sum())
        previous = int(nonzero[-1]) if len(nonzero) else previous
    final = len(pcm) - 1 - previous
    return silent + (final if final >= shortest else 0)

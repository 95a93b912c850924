"""Whether a recording was upsampled without a filter: by repeating each sample, or by zeros between samples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FACTORS = range(2, 13)  # 4 kHz to 48 kHz
PERIOD = math.lcm(*FACTORS)
LEAST = 200  # changes, or samples that are not zero, from which chance is excluded
ALL = 0.99  # of them lie at every k-th sample; what was mixed in or faded later makes others


class Repetition:
    """Counts where samples change, and where they are not zero, by their index modulo PERIOD."""

    def __init__(self, channels: int):
        self.position = 0
        self.last = np.zeros((channels, 1))
        self.changes, self.nonzero = np.zeros(PERIOD, np.int64), np.zeros(PERIOD, np.int64)

    def add(self, signal: NDArray[np.float64]) -> None:
        """The next (channels, frames) float64."""
        changes = np.zeros(signal.shape[1], np.bool_)
        nonzero = np.zeros(signal.shape[1], np.bool_)
        for channel, last in zip(signal, self.last, strict=True):
            changes[:1] |= channel[:1] != last
            changes[1:] |= channel[1:] != channel[:-1]
            nonzero |= channel != 0
        self._count(self.changes, changes)
        self._count(self.nonzero, nonzero)
        self.position += signal.shape[1]
        self.last = signal[:, -1:].copy()

    def factor(self) -> int:
        """How many samples there are for each of the source; 1 if it was not upsampled so."""
        return max(_factor(self.changes), _factor(self.nonzero))

    def _count(self, counts: NDArray[np.int64], events: NDArray[np.bool_]) -> None:
        first = self.position % PERIOD
        for start in range(-first, len(events), PERIOD):
            begin = max(start, 0)
            part = events[begin : start + PERIOD]
            counts[begin - start : begin - start + len(part)] += part


def _factor(counts: NDArray[np.int64]) -> int:
    """The greatest k of FACTORS for which all but a few of `counts`, (PERIOD,), lie k apart; 1 if there is none."""
    total = int(counts.sum())
    shares = {k: int(counts.reshape(-1, k).sum(axis=0).max()) / max(total, 1) for k in FACTORS}
    return max((k for k, share in shares.items() if share >= ALL), default=1) if total >= LEAST else 1

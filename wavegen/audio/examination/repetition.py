"""Whether a recording was upsampled without a filter: by repeated samples, zeros or straight lines between them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FACTORS = range(2, 13)  # 4 kHz to 48 kHz
PERIOD = math.lcm(*FACTORS)
LEAST = 200  # changes, samples that are not zero, or bends, from which chance is excluded
BEND = 2.5 / 32768  # more than what rounding makes of a straight line
PIECE = 1 << 15  # frames that are looked at together, which bounds the memory it takes
ALL = 0.99  # of them lie at every k-th sample; what was mixed in or faded later makes others


class Repetition:
    """Counts where samples change, are not zero, and leave a straight line, by their index modulo PERIOD."""

    def __init__(self, channels: int):
        self.position = 0
        self.last = np.zeros((channels, 2))  # samples before the next block
        self.changes, self.nonzero, self.bends = (np.zeros(PERIOD, np.int64) for _ in range(3))

    def add(self, signal: NDArray[np.float64]) -> None:
        """The next (channels, frames) float64."""
        for start in range(0, signal.shape[1], PIECE):
            self._add_piece(signal[:, start : start + PIECE])

    def _add_piece(self, signal: NDArray[np.float64]) -> None:
        changes, nonzero, bends = (np.zeros(signal.shape[1], np.bool_) for _ in range(3))
        for channel, last in zip(signal, self.last, strict=True):
            steps = np.diff(channel, prepend=last)
            changes |= steps[1:] != 0
            nonzero |= channel != 0
            bends |= np.abs(np.diff(steps)) > BEND  # at the sample before
        self._count(self.changes, changes)
        self._count(self.nonzero, nonzero)
        self._count(self.bends, bends)
        self.position += signal.shape[1]
        self.last = np.concatenate([self.last, signal[:, -2:]], axis=1)[:, -2:]

    def factor(self) -> int:
        """How many samples there are for each of the source; 1 if it was not upsampled so."""
        return max(_factor(self.changes), _factor(self.nonzero), _factor(self.bends))

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

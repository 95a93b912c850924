"""The bits that a recording's samples really have, estimated from the histogram of its 16-bit codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CELL = 64  # neighbouring codes that are about equally probable
DENSE = CELL  # samples in a cell, of whose codes 63 % should occur
CELLS = 8  # dense ones needed; in the two outermost the codes are not equally probable
FULL = 0.7  # of the codes that should occur in dense cells; 15 bits have little more than half of them
FEW = 256  # codes
TIMES = 8  # samples for each of few codes, the most frequent code left out
SPREAD = 4  # codes between the lowest and the highest for each that occurs: few codes, and not only a low level
ENOUGH = 2**15  # values of a channel from which the answer is clear, spread over the recording


class Depth:
    """Keeps the codes of up to ENOUGH frames, evenly spread: those of every frame, then of every second, fourth …"""

    def __init__(self) -> None:
        self.kept: list[NDArray[np.int16]] = []
        self.position, self.stride = 0, 1

    def add(self, signal: NDArray[np.float64]) -> None:
        """The next (channels, frames) float64, full scale being 1."""
        first = self.position
        self.position += signal.shape[1]
        while self.position > ENOUGH * self.stride:
            self.stride *= 2
            self.kept = [np.concatenate(self.kept, axis=1)[:, ::2]] if self.kept else []
        codes = signal[:, -first % self.stride :: self.stride] * 32768
        codes += 0.5
        np.clip(np.floor(codes, out=codes), -32768, 32767, out=codes)
        self.kept.append(codes.astype(np.int16))

    def bits(self) -> float | None:
        """As `bits_of` says of the codes that were kept."""
        codes = np.concatenate(self.kept, axis=1).astype(np.int64) + 32768
        return bits_of(np.stack([np.bincount(channel, minlength=65536).astype(np.int32) for channel in codes]))


def bits_of(counts: NDArray[np.integer]) -> float | None:
    """The bits that a source of codes as frequent as `counts` seems to have; None for 16 or too few.

    `counts` are (65536,), or (channels, 65536). Gaps are looked for in each channel: channels that hold the same sound,
    one perhaps later than the other, have fewer codes together than as many samples of one.

    Finds few codes over a wide range (8 bits, mu-law) and regular gaps (12 bits in the upper bits of 16, or a
    recording made louder after it was rounded). A recording that is only quiet has neither.
    """
    of_all = counts.reshape(-1, 65536).sum(axis=0)
    occurs = of_all > 0
    codes = int(np.count_nonzero(occurs))
    spread = len(occurs) - int(occurs.argmax()) - int(occurs[::-1].argmax())
    others = int(of_all.sum() - of_all.max())
    if not codes:
        return None
    if codes <= FEW and spread > SPREAD * codes and others >= TIMES * codes:
        return min(8.0, round(16 + float(np.log2(codes / spread)), 2))
    samples = counts.reshape(-1, CELL).sum(axis=1)
    dense = samples >= DENSE
    if np.count_nonzero(dense) < CELLS:
        return None
    expected = CELL * (1 - np.exp(-samples[dense] / CELL)).sum()  # of codes that are equally probable in each cell
    share = float(np.count_nonzero((counts > 0).reshape(-1, CELL)[dense]) / expected)
    return round(16 + float(np.log2(share)), 2) if share < FULL else None

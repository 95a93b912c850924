"""DC offsets that change while a recording runs, and have no mean over the whole of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

STRETCH_SECONDS = 0.5  # whose means are within some 16 codes of zero in speech; of shorter ones they are not


class Offsets:
    """Gathers the means of stretches of `length` samples of each channel.

    A last stretch that is shorter than half of that is left out, unless it is the only one: the mean of a few samples
    is that of part of a wave.
    """

    def __init__(self, channels: int, length: int):
        self.length, self.frames, self.counted = length, 0, 0
        self.sums = np.zeros(channels)
        self.squares = np.zeros(channels)
        self.totals = np.zeros(channels)

    def add(self, signal: NDArray[np.generic]) -> None:
        """The next (channels, frames) of any type and unit."""
        position = 0
        while position < signal.shape[1]:
            piece = signal[:, position : position + self.length - self.frames]
            self.sums += piece.sum(axis=1, dtype=np.float64)
            self.frames += piece.shape[1]
            position += piece.shape[1]
            if self.frames == self.length:
                self.squares, self.totals, self.counted = self._closed()
                self.sums, self.frames = np.zeros_like(self.sums), 0

    def rms(self) -> NDArray[np.float64]:
        """The root of the mean square of each channel's means, (channels,): its |mean| if that does not change."""
        squares, _, counted = self._judged()
        return np.sqrt(squares / max(1, counted))

    def wander(self) -> NDArray[np.float64]:
        """The deviation of each channel's means, (channels,)."""
        squares, totals, counted = self._judged()
        return np.sqrt(np.maximum(0.0, squares / max(1, counted) - (totals / max(1, counted)) ** 2))

    def _judged(self) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
        short = 2 * self.frames < self.length and self.counted
        return (self.squares, self.totals, self.counted) if short or not self.frames else self._closed()

    def _closed(self) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
        return self.squares + self.sums**2 / self.frames, self.totals + self.sums, self.counted + self.frames

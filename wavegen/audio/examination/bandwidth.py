"""The highest frequency at which a recording has a signal, where its spectrum ends in a cliff."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FRAME = 512  # samples: 256 steps up to half the sample rate
FRAMES = 8  # after so many the distance between frames is doubled
AT_ONCE = 64  # frames that are transformed together
NOTHING = 1.0  # mean power density in squared 16-bit codes; rounding alone has 1/12, with dither 1/4
CLIFF = 16  # how many times more power lies just below the edge than above it: 12 dB
TRANSITION = 12  # steps of the spectrum: 5 % of the band for a filter's slope
GUARD = 4  # steps over which the window smears a strong component


class Spectrum:
    """The mean power spectrum of frames spread over the recording, closer at its beginning; blocks do not matter."""

    def __init__(self, channels: int):
        self.power = np.zeros(FRAME // 2 + 1)
        self.window = np.blackman(FRAME).astype(np.float32)
        self.frames, self.next, self.position = 0, 0, 0
        self.tail = np.empty((channels, 0), np.float32)

    def add(self, signal: NDArray[np.float64]) -> None:
        """The next (channels, frames) float64, full scale being 1."""
        start = self.position - self.tail.shape[1]
        self.position += signal.shape[1]
        whole = np.concatenate([self.tail, signal], axis=1) if self.tail.shape[1] else signal
        first = []
        while self.next + FRAME <= self.position:
            first.append(self.next - start)
            self.frames += 1
            self.next += FRAME << (self.frames // FRAMES)
        for some in range(0, len(first), AT_ONCE):
            frames = [whole[:, at : at + FRAME] for at in first[some : some + AT_ONCE]]
            self._take(np.stack(frames, dtype=np.float32, casting="same_kind"))
        self.tail = whole[:, max(0, min(whole.shape[1], self.next - start)) :].astype(np.float32)

    def _take(self, frames: NDArray[np.float32]) -> None:
        """`frames` are (frames, channels, FRAME)."""
        frames *= self.window
        spectrum = np.fft.rfft(frames, axis=2)
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        self.power += power.sum(axis=(0, 1), dtype=np.float64) / frames.shape[1]

    def edge(self) -> float | None:
        """The highest frequency of the signal as a share of half the sample rate; None if its spectrum has no edge."""
        if not self.frames:
            return None
        return edge_of(self.power / self.frames / np.square(self.window).sum() * 32768**2)


def edge_of(density: NDArray[np.float64]) -> float | None:
    """The share of half the sample rate where `density`, squared codes per step, falls off a cliff to almost nothing.

    A source that was upsampled, or coded with loss, has nothing above its old band but rounding noise, and the band
    ends within a few per cent. A natural spectrum that sinks below the rounding noise does so slowly.
    """
    above = np.maximum.accumulate(density[::-1])[::-1]  # the most at this frequency and higher
    nothing = np.flatnonzero(above < NOTHING)
    if not len(nothing) or nothing[0] <= TRANSITION + GUARD:
        return None
    edge = int(nothing[0])
    below = density[edge - TRANSITION - GUARD : edge - TRANSITION + GUARD].mean()
    beyond = density[min(edge + GUARD, len(density) - 2) : edge + GUARD + TRANSITION].mean()
    return edge / (len(density) - 1) if below >= CLIFF * beyond else None

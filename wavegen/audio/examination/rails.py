"""Clipping: runs of samples at the highest or lowest value of a channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wavegen.audio.examination.figures import Figures

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHORTEST = 3  # samples in a row at the peak; one or two happen to a normalised signal that is not clipped
STEEP = 3  # quantisation steps between the run and the sample beside it; a smooth peak's run of 3 has less than 2.8
FULL_SCALE = 0.97  # from here on the peak is the coding's own limit: 0.980 in mu-law, 0.984 in A-law, 1 in others
LOWEST_PEAK = 0.02  # below, equal samples in a row at the peak are common
STEPS = {"PCM_U8": 1 / 128, "PCM_S8": 1 / 128, "ULAW": 1 / 32, "ALAW": 1 / 32}  # near full scale; others 2⁻¹⁵
FLAT_TOPS = 8  # runs that tell clipping below full scale from the one peak of a signal that repeats samples


class Rails:
    """Counts runs of SHORTEST and more samples at the peak of either sign of each channel.

    A run counts if it begins or ends with a step: the top of a slow wave is flat as well, but approached slowly.
    Values beyond full scale, as in float files and decoded MP3, count as full scale: that is where reading clips them.
    """

    def __init__(self, channels: int, subtype: str):
        step = STEPS.get(subtype, 1 / 32768)
        self.rails = [(_Rail(step), _Rail(step)) for _ in range(channels)]

    def add(self, signal: NDArray[np.float64]) -> None:
        """The next (channels, frames) float64, full scale being 1."""
        for channel, (high, low) in zip(signal, self.rails, strict=True):
            high.add(channel, 1)
            low.add(channel, -1)

    def figures(self) -> Figures:
        """Runs at full scale and the longest of them; runs at a lower peak and that peak, full scale being 1."""
        rails = [rail.ended() for pair in self.rails for rail in pair]
        full = [rail for rail in rails if rail.peak >= FULL_SCALE]
        low = [rail for rail in rails if rail.peak < FULL_SCALE and rail.runs >= FLAT_TOPS]
        return {
            "clipped_runs": sum(rail.runs for rail in full),
            "longest_run": max((rail.longest for rail in full), default=0),
            "flat_tops": sum(rail.runs for rail in low),
            "flat_peak": round(max((rail.peak for rail in low), default=0.0), 4),
        }


class _Rail:
    """Runs at the peak of a signal of one sign."""

    def __init__(self, step: float):
        self.steep = STEEP * step
        self.peak = LOWEST_PEAK
        self.runs = self.longest = 0
        self.open = 0  # the length of a run that goes on at a block's end
        self.before = np.inf  # what came before that run
        self.last = np.inf  # sample; inf stands for none, which makes no step

    def add(self, signal: NDArray[np.float64], sign: int) -> None:
        top = min(1.0, float(sign * (signal.max() if sign > 0 else signal.min())))
        if top > self.peak:
            self.peak = top
            self.runs = 0
            self.longest = 0
            self.open = 0
        if top < self.peak:
            self._close(float(sign * signal[0]))
        else:
            self._count(signal, sign)
        self.last = float(sign * signal[-1])

    def _count(self, signal: NDArray[np.float64], sign: int) -> None:
        at_peak = signal >= self.peak if sign > 0 else signal <= -self.peak
        if np.count_nonzero(at_peak) < SHORTEST and not (self.open or at_peak[-1]):
            return
        edges = np.flatnonzero(np.diff(at_peak, prepend=False, append=False)).tolist()
        if edges[0] > 0:
            self._close(float(sign * signal[0]))
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            if not (start == 0 and self.open):
                self.before = float(sign * signal[start - 1]) if start else self.last
            self.open += stop - start
            if stop < len(signal):
                self._close(float(sign * signal[stop]))

    def _close(self, after: float) -> None:
        if self.open >= SHORTEST and self.peak - min(self.before, after) > self.steep:
            self.runs += 1
            self.longest = max(self.longest, self.open)
        self.open = 0

    def ended(self) -> _Rail:
        self._close(np.inf)
        return self

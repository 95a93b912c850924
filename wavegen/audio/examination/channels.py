"""The levels of a recording's channels, and which of them make its mono signal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wavegen.audio.examination.figures import Figures

if TYPE_CHECKING:
    from numpy.typing import NDArray

EMPTY = 1e-4  # of the loudest channel's power, without DC: 40 dB lower is crosstalk or hiss
ROUNDING = 1e-8  # of a channel's power with DC: what sums in float64 leave of the variance of a constant
CANCELLING = -0.8  # correlation; at equal levels the mean of two such channels is 10 dB below each
CANCELLED = 0.1  # of the louder channel's power: the mean of two in a stretch where they cancel
STRETCH_SECONDS = 0.25  # where echoes make tones of two microphones cancel that hold 3 % of their energy
LOST_SHARE = 0.1  # of the energy, in stretches where it cancels


@dataclass(frozen=True)
class Mix:
    """The channels whose mean is the mono signal, and why others are left out.

    `chosen` are indices from 0; `empty` the channels without a signal where others have one; `cancelling` tells that
    two channels have opposite polarity, all the time or for a while, so that only the first with a signal is taken.
    """

    chosen: tuple[int, ...]
    empty: tuple[int, ...] = ()
    cancelling: bool = False

    def of(self, block: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mono signal, (frames,), of a block of (frames, channels)."""
        if len(self.chosen) == 1:
            return block[:, self.chosen[0]]
        return (block if len(self.chosen) == block.shape[1] else block[:, self.chosen]).mean(axis=1)

    @property
    def figures(self) -> Figures:
        """As JSON; channels are counted from 1."""
        return {
            "mixed": [channel + 1 for channel in self.chosen],
            "empty": [channel + 1 for channel in self.empty],
            "cancelling": self.cancelling,
        }


def mean_of_all(channels: int) -> Mix:
    return Mix(tuple(range(channels)))


class _Moments:
    """Sums over samples of the channels and of their products."""

    def __init__(self, channels: int):
        self.frames = 0
        self.sums = np.zeros(channels)
        self.products = np.zeros((channels, channels))

    def add(self, signal: NDArray[np.float64]) -> None:
        self.frames += signal.shape[1]
        self.sums += signal.sum(axis=1)
        self.products += signal @ signal.T

    def covariance(self) -> NDArray[np.float64]:
        """(channels, channels), full scale being 1."""
        means = self.sums / self.frames
        return self.products / self.frames - np.outer(means, means)


class _Stretches:
    """Energy that is lost when two channels are mixed, summed over stretches of `length` frames.

    Channels that have opposite polarity for a while only have no such correlation over the whole recording.
    """

    def __init__(self, channels: int, length: int):
        self.length, self.current = length, _Moments(channels)
        self.lost = np.zeros((channels, channels))
        self.energy = np.zeros(channels)

    def add(self, signal: NDArray[np.float64]) -> None:
        position = 0
        while position < signal.shape[1]:
            stop = position + self.length - self.current.frames
            self.current.add(signal[:, position:stop])
            position = stop
            if self.current.frames == self.length:
                self.lost, self.energy = self._closed()
                self.current = _Moments(len(self.energy))

    def cancelling(self, signal: NDArray[np.intp]) -> bool:
        """Whether two of the channels `signal` lose more than LOST_SHARE of their energy by cancelling."""
        lost, energy = self._closed()
        greater = np.maximum.outer(energy[signal], energy[signal])
        return bool((lost[np.ix_(signal, signal)] > LOST_SHARE * greater).any())

    def _closed(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """`lost` and `energy` with the current stretch."""
        if not self.current.frames:
            return self.lost, self.energy
        covariance = self.current.covariance()
        power = np.diag(covariance)
        greater, mean = np.maximum.outer(power, power), (np.add.outer(power, power) + 2 * covariance) / 4
        lost = self.current.frames * greater * (mean < CANCELLED * greater)
        return self.lost + lost, self.energy + self.current.frames * power


class Levels:
    """Gathers the covariance of the channels, and whether all of them are identical.

    `stretch` is the number of frames over which channels are looked at for cancelling, beside the whole recording.
    """

    def __init__(self, channels: int, stretch: int):
        self.peak, self.identical = 0.0, channels > 1
        self.moments, self.stretches = _Moments(channels), _Stretches(channels, stretch)

    def add(self, signal: NDArray[np.float64]) -> None:
        """The next (channels, frames) float64, full scale being 1."""
        self.moments.add(signal)
        self.peak = max(self.peak, float(signal.max()), -float(signal.min()))
        self.identical = self.identical and bool((signal[1:] == signal[0]).all())
        if len(signal) > 1:
            self.stretches.add(signal)

    def mix(self) -> Mix:
        """The channels to average: those with a signal; the first of them alone if two cancel."""
        power = np.diag(covariance := self.moments.covariance())
        if len(power) == 1 or self.identical:
            return mean_of_all(len(power))
        signal = np.flatnonzero(power > EMPTY * max(power.max(), ROUNDING * self._greatest_power()))
        if not len(signal):
            return mean_of_all(len(power))
        empty = tuple(sorted(set(range(len(power))) - set(signal.tolist())))
        deviation = np.sqrt(power[signal])
        correlation = covariance[np.ix_(signal, signal)] / np.outer(deviation, deviation)
        cancelling = bool(correlation.min() < CANCELLING) or self.stretches.cancelling(signal)
        return Mix(tuple((signal[:1] if cancelling else signal).tolist()), empty, cancelling)

    def figures(self) -> Figures:
        """Level of the channels as `pcm_figures` has it of PCM, in 16-bit codes; mean and deviation of the channel
        whose mean is largest."""
        means = self.moments.sums / self.moments.frames
        largest = int(np.abs(means).argmax())
        variance = max(0.0, float(self.moments.covariance()[largest, largest]))
        return {
            "samples": self.moments.frames,
            "peak": round(self.peak * 32768),
            "mean": round(float(means[largest]) * 32768, 3),
            "deviation": round(variance**0.5 * 32768, 3),
        }

    def _greatest_power(self) -> float:
        return float(np.diag(self.moments.products).max() / self.moments.frames)

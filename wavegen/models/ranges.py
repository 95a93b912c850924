"""Level, DC offset and bandwidth of recordings, and whether they lie outside those of a model's training recordings."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeGuard

import numpy as np

from wavegen.audio.examination.offsets import STRETCH_SECONDS, Offsets

RANGES: Final = "training_ranges"  # in a model's metadata
FRAME = 512  # samples of the spectrum's frames
SAMPLES_AT_ONCE = FRAME * 512  # of a recording, measured together
STRETCH = 2**14  # samples: of a long recording several such are looked at
SILENCE = -70.0  # dB: a recording below is silence, whose level and spectrum are those of its noise
TRIMMED = 0.01  # share of the training recordings left out at either end: tones, beeps, a click
FEW = 4  # for so many recordings the margin of a range is doubled
MANY_SILENT = 0.005  # share of the training recordings from which silence is nothing new


@dataclass(frozen=True)
class Quantity:
    """A figure of a recording; one beyond the training recordings' range by `margin`, or half the range, is outside."""

    name: str
    unit: str
    margin: float

    def text(self, value: float) -> str:
        return f"{round(value) + 0} {self.unit}" if self.unit else f"{value:.2f}"

    def between(self, pair: tuple[float, float]) -> str:
        low, high = map(self.text, pair)
        return f"{self.name} {low.removesuffix(self.unit).rstrip()} to {high}"


# Margins: allison needs 0.7 bits more for 32 codes of DC and 1.1 for 64, 0.5 for a gain of ±6 dB and 1.5 for +12 dB.
# Held-out Asterisk recordings lie within them, 4 kHz sound at 8 kHz is 20 dB below all speech in the upper half band.
QUANTITIES = {
    "dc": Quantity("DC", "codes", 24.0),
    "level": Quantity("level (RMS)", "dB", 6.0),
    "upper": Quantity("level above half the band", "dB", 15.0),
    "mean": Quantity("mean level", "", 0.05),  # of a picture, 1 being white
}


class Measurement:
    """Measures a recording of sound in pieces of any length; `figures` has the result."""

    def __init__(self, sample_rate: int):
        self.samples = 0
        self.sum = 0
        self.squares = 0.0
        self.offsets = Offsets(1, max(1, round(STRETCH_SECONDS * sample_rate)))
        self.power = np.zeros(FRAME // 2 + 1)
        self.rest = np.zeros(0, np.int16)
        self.window = np.hanning(FRAME)

    def add(self, pcm: np.ndarray) -> None:
        """Adds the next samples, (samples,) int16."""
        for start in range(0, len(pcm), SAMPLES_AT_ONCE):
            stretch = pcm[start : start + SAMPLES_AT_ONCE]
            values = stretch.astype(np.float64)
            self.samples += len(stretch)
            self.sum += int(values.sum())
            self.offsets.add(stretch[None])
            self.squares += float(values @ values)
            self.rest = np.concatenate([self.rest, stretch])
            whole = len(self.rest) // FRAME * FRAME
            self._add_frames(self.rest[:whole])
            self.rest = self.rest[whole:]

    def _add_frames(self, pcm: np.ndarray) -> None:
        if len(pcm):
            spectrum = np.fft.rfft(pcm.reshape(-1, FRAME) * self.window, axis=1)
            self.power += (spectrum.real**2 + spectrum.imag**2).sum(axis=0)

    def figures(self) -> dict[str, float]:
        """The figures of all that was added.

        `dc` in codes, the RMS of the means of stretches with the sign of the whole's mean, so that an offset which
        changes its sign does not cancel; `level` and `upper`, the level of the band's upper half, in dB of full scale.
        """
        if not self.power.any():  # shorter than a frame
            self._add_frames(np.pad(self.rest, (0, FRAME - len(self.rest))))
        mean = self.sum / max(1, self.samples)
        variance = max(0.0, self.squares / max(1, self.samples) - mean * mean)
        power = self.power[2:]  # without DC
        share = float(power[len(power) // 2 :].sum() / max(power.sum(), 1e-9))
        dc = math.copysign(float(self.offsets.rms()[0]), mean)
        return {"dc": dc, "level": _decibels(variance), "upper": _decibels(variance * share)}


def _decibels(power: float) -> float:
    return 10 * math.log10(max(power, 1e-3) / 32768**2)


def sound_figures(pcm: np.ndarray, sample_rate: int, max_samples: int | None = None) -> dict[str, float]:
    """The figures of a recording, (samples,) int16; of a longer one those of stretches, `max_samples` in all."""
    measurement = Measurement(sample_rate)
    for stretch in _stretches(pcm, len(pcm) if max_samples is None else max_samples):
        measurement.add(stretch)
    return measurement.figures()


def _stretches(pcm: np.ndarray, max_samples: int) -> Iterator[np.ndarray]:
    """The recording, (samples,), or evenly spread stretches of it that have `max_samples` together."""
    if len(pcm) <= max_samples:
        yield pcm
        return
    for start in np.linspace(0, len(pcm) - STRETCH, max(1, max_samples // STRETCH)).astype(int).tolist():
        yield pcm[start : start + STRETCH]


def picture_figures(picture: np.ndarray, levels: int) -> dict[str, float]:
    """The figures of a picture, (dimensions,) integers from 0 to levels − 1."""
    return {"mean": float(picture.mean()) / (levels - 1)}


@dataclass(frozen=True)
class Ranges:
    """The least and the largest value of each figure among the training recordings, without a hundredth at either end.

    `recordings` is how many of those measured are not silent, `silent` the share of silent ones.
    """

    recordings: int
    silent: float
    between: Mapping[str, tuple[float, float]]

    @classmethod
    def of(cls, figures: Sequence[Mapping[str, float]]) -> Ranges:
        """The ranges of one or more recordings, from the figures of each."""
        loud = [one for one in figures if not _is_silent(one)] or figures
        between = {}
        for key in loud[0]:
            values = np.sort([one[key] for one in loud])
            cut = int(TRIMMED * len(values))
            between[key] = (round(float(values[cut]), 4), round(float(values[-1 - cut]), 4))
        return cls(len(loud), round(sum(map(_is_silent, figures)) / len(figures), 4), between)

    def outside(self, figures: Mapping[str, float]) -> list[str]:
        """The keys of the figures that lie beyond the ranges and their margins."""
        judged = {key: value for key, value in figures.items() if key in self.between}
        if _is_silent(figures):
            new = self.silent < MANY_SILENT
            judged = {key: value for key, value in judged.items() if key == "dc" or (key == "level" and new)}
        return [key for key, value in judged.items() if not self._within(key, value)]

    def _within(self, key: str, value: float) -> bool:
        low, high = self.between[key]
        margin = max(QUANTITIES[key].margin, (high - low) / 2) * (1 + FEW / self.recordings)
        return low - margin <= value <= high + margin

    def text(self) -> str:
        """For people to read."""
        between = [QUANTITIES[key].between(pair) for key, pair in self.between.items()]
        return f"{', '.join(between)} ({self.recordings} recordings)"

    def encode(self) -> str:
        return json.dumps({"recordings": self.recordings, "silent": self.silent, **self.between})

    @classmethod
    def decode(cls, text: str) -> Ranges:
        """The inverse of `encode`. Raises ValueError for any other text."""
        found: object = json.loads(text)
        if not isinstance(found, dict):
            raise ValueError("not ranges")
        recordings = found.pop("recordings", None)
        silent = found.pop("silent", None)
        if type(recordings) is not int or recordings < 1 or not _is_number(silent):
            raise ValueError("not ranges")
        between: dict[str, tuple[float, float]] = {}
        for key, pair in found.items():
            if key not in QUANTITIES or not isinstance(pair, list) or len(pair) != 2:
                raise ValueError("not ranges")
            low, high = pair
            if not (_is_number(low) and _is_number(high)):
                raise ValueError("not ranges")
            between[key] = low, high
        return cls(recordings, silent, between)


def _is_silent(figures: Mapping[str, float]) -> bool:
    return figures.get("level", 0.0) < SILENCE


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)

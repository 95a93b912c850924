"""The settings in a .npz that `wavegen mel` writes, and the arrays beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wavegen.audio.spectral.settings import FrameSettings
from wavegen.audio.spectral.statistics import Statistics
from wavegen.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEL, F0, CONVENTION = "mel", "f0", "convention"
NUMBERS = {  # of the settings, and how a message names them
    "sample_rate": "a sample rate of {} Hz",
    "hop": "a hop of {} samples",
    "n_fft": "n_fft = {}",
    "win_length": "win_length = {}",
    "bands": "{} bands",
    "fmin": "fmin = {} Hz",
    "fmax": "fmax = {} Hz",
}


@dataclass(frozen=True)
class Stored:
    """The entries of a file about its own values."""

    convention: str
    numbers: Mapping[str, int]

    def check(self, path: Path, settings: FrameSettings) -> None:
        """Raises UserError if a number is not what is wanted."""
        wanted = asdict(settings)
        others = [name for name, number in self.numbers.items() if number != wanted[name]]
        if not settings.convention:  # of F0 alone, which knows neither windows nor bands
            others = [name for name in others if name in ("sample_rate", "hop")]
        if others:
            has = ", ".join(NUMBERS[name].format(self.numbers[name]) for name in others)
            want = ", ".join(NUMBERS[name].format(wanted[name]) for name in others)
            raise UserError(f"{path}: was made with {has}, and {want} is wanted; make it again")


def stored_in(path: Path, arrays: Mapping[str, NDArray[np.generic]]) -> Stored | None:
    """The settings among a file's arrays; None if it has none. Raises UserError for some that no file has."""
    if CONVENTION not in arrays:
        return None
    try:
        return Stored(str(arrays[CONVENTION][()]), {name: int(arrays[name]) for name in NUMBERS})
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: its settings are damaged; make it again") from error


def to_store(values: NDArray[np.float32], settings: FrameSettings) -> dict[str, NDArray[np.generic]]:
    """The arrays of a .npz: mel spectrogram and F0 apart, and all settings.

    Args:
        values: (frames, F), all frames that a file of the convention has.
        settings: what they are.
    """
    arrays: dict[str, NDArray[np.generic]] = {}
    if settings.convention:
        arrays[MEL] = in_file(values[:, : settings.bands], settings)
    if settings.f0:
        arrays[F0] = values[:, settings.mel_channels :]
    about: dict[str, object] = {CONVENTION: settings.convention, **{name: getattr(settings, name) for name in NUMBERS}}
    return arrays | {name: np.array(value) for name, value in about.items()}


def normalised(values: NDArray[np.float32], settings: FrameSettings, statistics: Statistics) -> NDArray[np.float32]:
    """Frames, (frames, F), with normalised bands."""
    bands = statistics.normalised(values[:, : settings.mel_channels])
    return np.concatenate([bands, values[:, settings.mel_channels :]], axis=1)


def in_file(values: NDArray[np.float32], settings: FrameSettings) -> NDArray[np.float32]:
    """(frames, channels) in the order that the convention's files have."""
    return np.ascontiguousarray(values.T if settings.mel is not None and settings.mel.bands_first else values)

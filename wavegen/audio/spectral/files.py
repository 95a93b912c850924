"""Files of frames: read as a model takes them, and written as other toolkits do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wavegen.audio.names import order
from wavegen.audio.spectral.arrays import SUFFIXES, arrays_in, checked, mel_in
from wavegen.audio.spectral.conventions import MELS, convention_named
from wavegen.audio.spectral.converting import converted
from wavegen.audio.spectral.names import Convention
from wavegen.audio.spectral.recognition import oddity
from wavegen.audio.spectral.settings import F0_CHANNELS, FrameSettings
from wavegen.audio.spectral.statistics import Statistics
from wavegen.audio.spectral.stored import F0, in_file, normalised, stored_in, to_store
from wavegen.errors import UserError, unreadable
from wavegen.system.atomic import Target, path_of, replacing

if TYPE_CHECKING:
    from numpy.typing import NDArray

NOT_MELS = ("-wave", "-local", "-global", "stats")  # ends of names of ParallelWaveGAN's and ESPnet's other files
FRAMES_OFF = 1  # toolkits count a recording's last samples in or not


class ReadFrames(NamedTuple):
    """Frames from a file, (frames, F) float32 as `settings` say, and what is odd about it, a sentence each."""

    values: NDArray[np.float32]
    warnings: list[str]


def read_frames(
    path: str | Path,
    settings: FrameSettings,
    convention: str | None = None,
    statistics: Statistics | None = None,
    samples: int | None = None,
) -> ReadFrames:
    """The frames in a .npy, .npz, .h5 or .pt file, in the convention of `settings`.

    A .npz that `write_frames` wrote knows all its settings, which are compared. Of other files hop, sample rate, window
    and the limits of the bands are the user's word.

    Args:
        path: the file.
        settings: what is wanted.
        convention: of the file; by default what the file itself says, or that of `settings`.
        statistics: by which the file's bands are normalised, if they are.
        samples: of the recording that it belongs to, whose number of frames is then compared.

    Raises UserError for a file that cannot be read, does not hold such frames, or cannot be converted without loss.
    """
    path = Path(path)
    arrays = arrays_in(path)
    if (stored := stored_in(path, arrays)) is not None:
        stored.check(path, settings)
        convention = convention or stored.convention
    file = _File(path, settings, convention_named(convention or settings.convention) if settings.convention else None)
    if stored is not None and file.convention not in (None, stored.convention):
        itself = stored.convention or "F0 alone"
        file.warnings.append(f"{path}: says itself that it is {itself}; it is read as {file.convention}")
    parts = [mel_in(path, arrays)]
    if settings.f0 and settings.convention and F0 in arrays:
        parts.append(arrays[F0])
    values = file.own_frames(file.in_time(parts))
    if file.convention is not None:
        values = file.as_wanted(values, file.convention, statistics)
    if samples is not None:
        _check_number(path, len(values), settings, samples)
    return ReadFrames(values, file.warnings)


def write_frames(
    target: Target, values: NDArray[np.float32], settings: FrameSettings, statistics: Statistics | None = None
) -> None:
    """Writes frames as the toolkit does whose convention they have: .npz with all settings, else .npy.

    Args:
        target: a path, whose file is replaced, or an Output.
        values: (frames, F), all that a file of the convention has: `frames(…, in_file=True)`.
        settings: what they are.
        statistics: to normalise the bands by.
    """
    if statistics is not None:
        values = normalised(values, settings, statistics)
    with replacing(target) as temporary, open(temporary, "r+b") as file:
        if path_of(target).suffix.lower() == ".npz":
            np.savez(file, **to_store(values, settings))  # pyright: ignore[reportArgumentType]
        else:
            np.save(file, in_file(values, settings), allow_pickle=False)
        file.truncate()


def find(source: str | Path) -> list[Path]:
    """The files of features in a folder, sorted; a file is itself. Raises UserError if there is none."""
    source = Path(source)
    if not source.is_dir():
        return [source]
    try:
        known = [path for path in source.iterdir() if path.suffix.lower() in SUFFIXES and path.name[0] != "."]
    except OSError as error:
        raise unreadable(source, error) from error
    mels = sorted((path for path in known if not path.stem.endswith(NOT_MELS)), key=lambda path: order(str(path)))
    if not mels:
        raise UserError(f"{source}: there is no file of features in it; known: {', '.join(SUFFIXES)}")
    return [path for path in mels if path.stem.endswith("-feats")] or mels


class _File:
    """A file of the convention, None for F0 alone, from which frames as of `settings` are to be made."""

    def __init__(self, path: Path, settings: FrameSettings, convention: Convention | None):
        self.path, self.settings = path, settings
        self.convention: Convention | None = convention
        self.warnings: list[str] = []

    def in_time(self, parts: list[NDArray[np.generic]]) -> NDArray[np.float32]:
        """The arrays of mel spectrogram and F0, or that of both, as (frames, F). Raises UserError for others."""
        settings = self.settings
        apart = len(parts) == 2
        values = self._turned(checked(self.path, parts[0]), settings.mel_channels if apart else settings.channels)
        if not apart:
            return values
        f0 = checked(self.path, parts[1])
        if f0.shape != (len(values), F0_CHANNELS):
            has = _shape(f0)
            wanted = f"{len(values)} x {F0_CHANNELS}"
            raise UserError(f"{self.path}: its F0 is {has}, and {wanted} belongs to its mel spectrogram; make it again")
        return np.concatenate([values, f0], axis=1)

    def _turned(self, values: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
        """(frames, channels) of an array in either order."""
        bands_first = self.convention is not None and MELS[self.convention].bands_first
        here, there = values.shape if bands_first else values.shape[::-1]
        if channels not in (here, there):
            what = "bands" if channels == self.settings.mel_channels else "numbers a frame with F0"
            raise UserError(f"{self.path}: is {_shape(values)}, and {channels} {what} are wanted; make it so")
        if here != channels:
            first, second = ("bands", "frames") if bands_first else ("frames", "bands")
            said = f"is {_shape(values)}, and files of {self.convention} are {first} by {second}"
            self.warnings.append(f"{self.path}: {said}; it is read turned round")
        return values.T if bands_first == (here == channels) else values

    def own_frames(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """The frames that belong to samples, without those that the convention has before and after them."""
        settings = self.settings
        framing = settings.framing if self.convention is None else MELS[self.convention].analysis.framing
        lead, tail = (count(settings.hop, settings.n_fft) for count in (framing.lead, framing.tail))
        if len(values) <= lead + tail:
            least = f"{self.convention} has {lead + tail + 1} or more"
            raise UserError(f"{self.path}: has {len(values)} frames, and {least}; make it again")
        return values[lead : len(values) - tail]

    def as_wanted(
        self, values: NDArray[np.float32], convention: Convention, statistics: Statistics | None
    ) -> NDArray[np.float32]:
        """The frames with bands that are neither normalised nor of another convention any more."""
        settings = self.settings
        bands = values[:, : settings.bands]
        if statistics is not None:
            bands = statistics.restored(bands)
        elif len(bands) == 2 and (bands[1] > 0).all():
            what = "holds two frames, the second above zero throughout"
            self.warnings.append(f"{self.path}: {what}: it looks like a file of statistics, not of frames")
        if (found := oddity(bands, convention)) is not None:
            self.warnings.append(f"{self.path}: its values look like {found}; they are read as {convention}")
        try:
            bands = converted(bands, convention, convention_named(settings.convention))
        except UserError as error:
            raise UserError(f"{self.path}: {error}") from error
        return np.concatenate([bands, values[:, settings.bands :]], axis=1)


def _shape(values: NDArray[np.generic]) -> str:
    return " x ".join(map(str, values.shape))


def _check_number(path: Path, frames: int, settings: FrameSettings, samples: int) -> None:
    """Raises UserError unless so many frames belong to so many samples."""
    expected = settings.number_of_frames(samples)
    if abs(frames - expected) > FRAMES_OFF:
        said = f"has {frames} frames, where {samples} samples at a hop of {settings.hop} have {expected}"
        why = f"made with a hop of about {samples / frames:.0f}, at another sample rate, or of another recording"
        raise UserError(f"{path}: {said}; it was {why}")

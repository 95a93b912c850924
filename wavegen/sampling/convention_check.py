"""By which convention a file of features was made: the likelihood of its recording decides."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wavegen.audio.spectral.arrays import arrays_in
from wavegen.audio.spectral.conventions import MELS, convention_named
from wavegen.audio.spectral.names import CONVENTIONS, Convention
from wavegen.audio.spectral.stored import stored_in
from wavegen.constants import DIGITS
from wavegen.engine.base import Engine
from wavegen.errors import UserError
from wavegen.evaluation.audio import read_at
from wavegen.evaluation.feeding import Take, max_samples_at_once, sum_bits
from wavegen.evaluation.feeds import fed_by
from wavegen.models.frame_sources import FrameReader
from wavegen.models.frames import frame_settings, frames_of
from wavegen.models.given import Given
from wavegen.sampling.results import ConventionCheck

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wavegen.audio.spectral.settings import FrameSettings

# Shares of what a recording's own frames are worth to the model, in bits:
HALF = 0.5  # that those of its file are worth at least, if they are its own
CLEAR = 0.1  # by which another convention must be better than the one that the file is said to be of


def check_convention(
    reader: FrameReader,
    file: str | Path,
    recording: str | Path,
    speaker: str | None,
    open_streams: Callable[[int], Engine],
    resample: bool = False,
) -> ConventionCheck:
    """The bits of a recording given its file of features, if that were made by each convention.

    Args:
        reader: of the model.
        file: of the features.
        recording: of which they are said to be.
        speaker: of the recording, None for an unknown one.
        open_streams: a number of streams to an engine of the model.
        resample: converts a recording of another rate than the model's.

    Raises UserError for a model without a mel spectrogram, and for files that cannot be read.
    """
    model = reader.model
    settings = frame_settings(model)
    if settings is None or settings.mel is None:
        raise UserError("`check` compares conventions of mel spectrograms, and the model takes none", parameter="check")
    pcm = read_at(recording, model.sample_rate, resample)
    readings = _readings(reader, file, settings, len(pcm))
    takes = [
        Take(str(recording), len(pcm), lambda: pcm, lambda each=each: Given(speaker, each))
        for each in [*readings.values(), frames_of(model, pcm), None]
    ]
    bits = sum_bits(fed_by(open_streams), takes, max_samples_at_once(model), None) / len(pcm)
    *of_names, own, nothing = (round(float(each), DIGITS) for each in bits)
    by_name = dict(zip(readings, of_names, strict=True))
    said = next(iter(by_name))
    best = min(by_name, key=by_name.__getitem__)
    clear = nothing > own and by_name[said] - by_name[best] > CLEAR * (nothing - own)
    return {
        "recording": str(recording),
        "convention": best if clear else said,
        "bits_per_sample": by_name,
        "own_bits_per_sample": own,
        "nothing_bits_per_sample": nothing,
    }


def decided(reader: FrameReader, file: str | Path, check: ConventionCheck) -> tuple[FrameReader, list[str]]:
    """A reader by the convention that the recording has decided on, and what is to be said of that.

    Raises UserError if files of that convention are not converted without loss to the model's.
    """
    settings = frame_settings(reader.model)
    assert settings is not None, "it has been checked"
    expected = _said(reader, file, settings)
    found, bits = check["convention"], check["bits_per_sample"]
    chosen = replace(reader, convention=found)
    warnings = list[str]()
    if found != expected:
        less = f"{bits[found]:.3f} bits a sample, and {bits[expected]:.3f} if it were {expected}"
        warnings.append(f"{file}: is read as {found}: given that, {check['recording']} has {less}")
        chosen.read(file)  # which says why it cannot be
    own, nothing = check["own_bits_per_sample"], check["nothing_bits_per_sample"]
    if nothing <= own:
        has = f"{check['recording']} has {own:.3f} bits a sample given its own frames, {nothing:.3f} given none"
        warnings.append(f"{file}: {has}; the model cannot tell what they are")
    elif nothing - bits[found] < HALF * (nothing - own):
        has = (
            f"{check['recording']} has {bits[found]:.3f} bits a sample given this file, {own:.3f} given its own frames"
        )
        warnings.append(f"{file}: {has}; it is of another recording, or of other settings")
    return chosen, warnings


def _readings(
    reader: FrameReader, file: str | Path, settings: FrameSettings, samples: int
) -> dict[str, NDArray[np.float32]]:
    """The frames in a file by each convention it may be of, first the one that it is said to be of.

    They are exact or, where that is refused, what its numbers alone say.
    """
    expected = _said(reader, file, settings)
    found = {expected: reader.read(file, samples).values}
    as_it_is = replace(reader, convention=settings.convention).read(file).values
    for name in CONVENTIONS:
        with contextlib.suppress(UserError):
            found.setdefault(name, replace(reader, convention=name).read(file, samples).values)
        found.setdefault(name, _rescaled(as_it_is, convention_named(name), settings))
    return found


def _said(reader: FrameReader, file: str | Path, settings: FrameSettings) -> str:
    """The convention that a file is said to be of: by the caller, by itself, or that of the model."""
    stored = stored_in(Path(file), arrays_in(Path(file)))
    return convention_named(reader.convention or ("" if stored is None else stored.convention) or settings.convention)


def _rescaled(values: NDArray[np.float32], source: Convention, settings: FrameSettings) -> NDArray[np.float32]:
    """Frames whose bands are on the scale of `source`, on that of the model: enough to tell one from another."""
    have = MELS[source].scale
    want = (settings.mel or MELS[source]).scale
    bands = (values[:, : settings.bands] - have.offset) * (want.slope / have.slope) + want.offset
    bands = np.clip(bands, want.lowest, want.ceiling)
    return np.concatenate([bands, values[:, settings.bands :]], axis=1).astype(np.float32)

"""Finds the files of frames that an interrupted call has finished, which a repeated call leaves as they are."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wavegen.audio.spectral.arrays import arrays_in
from wavegen.audio.spectral.frames import frames
from wavegen.audio.spectral.settings import F0_CHANNELS, FrameSettings
from wavegen.audio.spectral.statistics import Statistics
from wavegen.audio.spectral.stored import in_file, normalised, to_store
from wavegen.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLOSE = 1e-3  # of what is stored: the last digits of a transform differ from one machine to another


def written_already(
    path: Path, pcm: NDArray[np.int16], settings: FrameSettings, statistics: Statistics | None = None
) -> bool:
    """Whether the file is whole and holds what `write_frames` would write of a recording.

    The mel spectrogram is computed and compared. F0, which takes most of the time, need only be there.

    Args:
        path: .npz for a file with all settings, else .npy.
        pcm: the recording, (samples,) at the rate of `settings`.
        settings: of frames with a mel spectrogram.
        statistics: by which the bands are normalised.
    """
    found: dict[str, NDArray[Any]] = {}
    with contextlib.suppress(UserError):
        found = arrays_in(path)
    values = frames(pcm, replace(settings, f0=False), in_file=True)
    if settings.f0:
        values = np.pad(values, ((0, 0), (0, F0_CHANNELS)), constant_values=np.nan)
    if statistics is not None:
        values = normalised(values, settings, statistics)
    wanted = to_store(values, settings) if path.suffix.lower() == ".npz" else {"": in_file(values, settings)}
    if found.keys() != wanted.keys():
        return False
    return all(_same(found[name], wanted[name]) for name in wanted)


def _same(found: NDArray[Any], wanted: NDArray[Any]) -> bool:
    """Whether an array is the one that is wanted, where that is a number, and any number elsewhere."""
    if (found.shape, found.dtype) != (wanted.shape, wanted.dtype):
        return False
    if wanted.dtype != np.float32:
        return bool((found == wanted).all())
    known = np.where(np.isnan(wanted), found, wanted)
    return bool(np.isfinite(found).all() and np.allclose(found, known, rtol=0, atol=CLOSE))

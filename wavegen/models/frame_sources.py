"""Frames that are handed to a model: an array, or a file of features."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from wavegen.errors import UserError
from wavegen.models.given import checked_frames
from wavegen.models.model import Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUFFIXES = {".npy", ".npz", ".h5", ".hdf5", ".pt"}  # of files of features

FrameSource: TypeAlias = "NDArray[np.floating] | str | Path"


def frames_in(model: Model, source: FrameSource) -> NDArray[np.float32]:
    """The frames of a source as the model takes them, (frames, F). Raises UserError for others."""
    if isinstance(source, np.ndarray):
        return checked_frames(model.conditioning, source)
    raise UserError(f"{source}: files of frames cannot be read yet; give their frames as an array from Python")

"""Frames that are handed to a model: an array, or a file of features of any toolkit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from wavegen.audio.spectral.files import ReadFrames, read_frames
from wavegen.audio.spectral.statistics import Statistics, read_statistics
from wavegen.errors import UserError
from wavegen.models.frames import frame_settings
from wavegen.models.given import checked_frames
from wavegen.models.model import Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

FrameSource: TypeAlias = "NDArray[np.floating] | str | Path"


@dataclass(frozen=True)
class FrameReader:
    """Reads frames as a model takes them.

    Args:
        model: that takes them.
        convention: of files, where they are not of the model's; see `wavegen.audio.spectral.files.read_frames`.
        statistics: by which the bands in files are normalised, if they are.
    """

    model: Model
    convention: str | None = None
    statistics: Statistics | None = None

    @classmethod
    def of(cls, model: Model, convention: str | None, statistics: str | Path | None) -> FrameReader:
        """With the statistics in a file. Raises UserError if they cannot be read."""
        settings = frame_settings(model)
        if statistics is None or settings is None:
            return cls(model, convention)
        return cls(model, convention, read_statistics(statistics, settings.bands))

    def read(self, source: FrameSource, samples: int | None = None) -> ReadFrames:
        """The frames, (frames, F), and what is odd about their file.

        Args:
            source: an array, in the model's convention, or a file.
            samples: of the recording that they are of, whose number of frames is compared with that of a file.

        Raises UserError for what the model does not take.
        """
        if isinstance(source, np.ndarray):
            return ReadFrames(checked_frames(self.model.conditioning, source), [])
        if (settings := frame_settings(self.model)) is None:
            raise UserError("the model is not conditioned on frames; leave `frames` out", parameter="frames")
        return read_frames(source, settings, self.convention, self.statistics, samples)

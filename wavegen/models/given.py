"""The condition of one recording, and whether a model takes it; without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wavegen.errors import UserError, closest, nearest
from wavegen.models.configs.conditioning import ConditioningConfig

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNKNOWN = 0  # row of an unknown speaker in the embedding
MAX_LISTED = 30  # speakers in an error


class Given(NamedTuple):
    """A recording's speaker, None for an unknown one, and its frames, (frames, F), None where there are none."""

    speaker: str | None = None
    frames: NDArray[np.float32] | None = None


def check_given(config: ConditioningConfig | None, given: Given) -> None:
    """Raises UserError if a model with that config, None for one without conditions, does not take `given`."""
    speaker_row(config, given.speaker)
    if given.frames is not None:
        checked_frames(config, given.frames)


def speaker_row(config: ConditioningConfig | None, speaker: str | None) -> int:
    """The row of a speaker in a model's embedding. Raises UserError for one that the model does not know."""
    if speaker is None:
        return UNKNOWN
    if config is None or not config.speakers:
        raise UserError("the model is not conditioned on speakers; leave `speaker` out", parameter="speaker")
    if speaker not in config.speakers:
        named = nearest(speaker, config.speakers) if len(config.speakers) <= MAX_LISTED else _most_like(speaker, config)
        raise UserError(f"`speaker` {speaker!r} is not one of the model's{named}", parameter="speaker")
    return 1 + config.speakers.index(speaker)


def checked_frames(config: ConditioningConfig | None, frames: NDArray[np.floating]) -> NDArray[np.float32]:
    """Frames as a model takes them, (frames, F) float32, one at least. Raises UserError for others."""
    if config is None or not config.frame_channels:
        raise UserError("the model is not conditioned on frames; leave `frames` out", parameter="frames")
    if frames.ndim != 2 or frames.shape[1] != config.frame_channels or not len(frames):
        shape = " x ".join(map(str, frames.shape))
        raise UserError(f"`frames` are {shape}, the model takes (frames) x {config.frame_channels}", parameter="frames")
    if not np.issubdtype(frames.dtype, np.floating):
        raise UserError(f"`frames` are {frames.dtype}, the model takes float32", parameter="frames")
    with np.errstate(over="ignore"):
        found = np.ascontiguousarray(frames, np.float32)
    if not np.isfinite(found).all():
        raise UserError("`frames` are not finite everywhere; compute them again", parameter="frames")
    return found


def _most_like(speaker: str, config: ConditioningConfig) -> str:
    """The end of an error where the speakers are too many to be listed."""
    meant = closest(speaker, config.speakers)
    return f", who are {len(config.speakers)}" if meant is None else f"; did you mean {meant}?"

"""The frames that a model takes: of a recording, or handed over; without torch."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from wavegen.audio.spectral.settings import FrameSettings
from wavegen.models.given import checked_frames
from wavegen.models.model import Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wavegen.models.configs.audio import AudioConfig

DIGEST_SIZE = 16


def frame_settings(model: Model | AudioConfig) -> FrameSettings | None:
    """The settings of a model's frames; None for a model that takes none."""
    config = model.conditioning
    return None if config is None or not config.frame_channels else FrameSettings.of(config, model.sample_rate)


def frames_of(model: Model, pcm: NDArray[np.int16]) -> NDArray[np.float32]:
    """The frames of a recording, (samples,) at the model's rate, as the model takes them: (frames, F).

    Raises UserError for a model that takes none, and as `wavegen.audio.spectral.frames.frames` does.
    """
    from wavegen.audio.spectral.frames import frames

    settings = frame_settings(model)
    return checked_frames(model.conditioning, np.empty((0, 0))) if settings is None else frames(pcm, settings)


def frames_digest(model: Model, frames: NDArray[np.float32]) -> bytes:
    """16 bytes: BLAKE2b of the frames' number, width and hop in ASCII, a newline, and their values, little-endian."""
    hop = 0 if model.conditioning is None else model.conditioning.hop
    header = f"{len(frames)} {frames.shape[1]} {hop}\n".encode()
    values = np.ascontiguousarray(frames, "<f4")
    return hashlib.blake2b(header + values.tobytes(), digest_size=DIGEST_SIZE).digest()

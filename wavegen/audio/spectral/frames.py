"""The frames of a recording: its mel spectrogram, then F0."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wavegen.audio.spectral.melspectrogram import mel_spectrogram
from wavegen.audio.spectral.pitch import log_f0
from wavegen.audio.spectral.settings import FrameSettings
from wavegen.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def frames(pcm: NDArray[np.int16], settings: FrameSettings, in_file: bool = False) -> NDArray[np.float32]:
    """The frames of a recording, (frames, F) with F = `settings.channels`.

    Sample t belongs to frame t // hop, or to the last if there are fewer. Every number depends on the samples around
    its frame alone, whatever the recording's loudness and length, but for F0, which is decoded along the recording. All
    numbers are finite, those of digital silence too.

    Args:
        pcm: (samples,) at `settings.sample_rate`; a code is 1/32768 of full scale.
        settings: what frames are.
        in_file: gives all frames that a file of the convention has; of r9y9's some come before and after the others.

    Raises UserError for a recording without samples, if a mel band holds no bin, or if librosa cannot be used.
    """
    if not len(pcm):
        raise UserError("a recording without samples has no frames; leave it out")
    span = settings.span(len(pcm), in_file)
    parts: list[NDArray[np.float32]] = []
    if settings.mel is not None:
        parts.append(mel_spectrogram(pcm, settings, settings.mel, span))
    if settings.f0:
        parts.append(log_f0(pcm, settings, span))
    return np.concatenate(parts, axis=1)

"""F0 of speech by librosa's pyin, at the times of a mel spectrogram's frames.

Mauch and Dixon (2014), "pYIN: A fundamental frequency estimator using probabilistic threshold distributions". From
librosa 0.11 on; older versions find another F0 in the same sound.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from wavegen.audio.spectral.compiling import librosa_for
from wavegen.audio.spectral.framing import CENTRED_IN_ZEROS, Span
from wavegen.audio.spectral.names import HIGHEST_F0, LOWEST_F0
from wavegen.audio.spectral.settings import F0_CHANNELS, FrameSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

SECONDS = 0.064  # of a frame: nearly four periods of the lowest
RESOLUTION = 0.25  # semitones; the time goes with its square
OCTAVES_A_SECOND = 35.92  # that F0 may change at most, pyin's default
STRETCH, MARGIN = 2048, 128  # frames decoded together, and those of their context on either side

Pyin = Callable[..., "tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]"]


def log_f0(pcm: NDArray[np.int16], settings: FrameSettings, span: Span) -> NDArray[np.float32]:
    """The natural logarithm of F0 in Hz, 0 where unvoiced, and 1 where voiced, else 0: (frames, 2).

    Each frame is around the same sample as that of a mel spectrogram, whose frames `span` tells; `pcm` is (samples,)
    with one at least. The recording's mean is taken out, since beside an offset pyin finds a higher F0, or none. Long
    recordings are decoded in stretches, so that memory does not grow with them. Raises UserError if librosa cannot be
    used.
    """
    hop, number = settings.hop, span.number
    size = _frame_length(settings.sample_rate)
    first = span.start + settings.n_fft // 2 - size // 2
    mean = pcm.mean(dtype=np.float64) / 32768
    found = np.empty((number, F0_CHANNELS), np.float32)
    for frame in range(0, number, STRETCH):
        before = max(0, frame - MARGIN)
        stop = min(number, frame + STRETCH)
        after = min(number, stop + MARGIN)
        start = first + before * hop
        end = first + (after - 1) * hop + size
        samples = CENTRED_IN_ZEROS.stretch(pcm, start, end)
        samples[max(0, -start) : len(pcm) - start] -= mean
        f0, voiced, _ = _pyin()(samples, **_parameters(settings.sample_rate, hop, size))
        kept = slice(frame - before, stop - before)
        found[frame:stop, 0] = np.where(voiced[kept], np.log(f0[kept]), 0)
        found[frame:stop, 1] = voiced[kept]
    return found


def _frame_length(sample_rate: int) -> int:
    """SECONDS in samples, an even number."""
    return 2 * round(SECONDS * sample_rate / 2)


def _parameters(sample_rate: int, hop: int, size: int) -> dict[str, float | bool | None]:
    # Rounded to semitones a hop, where a short hop would come to none: F0 could never change.
    at_least = sample_rate / (12 * hop)
    return {
        "fmin": LOWEST_F0,
        "fmax": HIGHEST_F0,
        "sr": sample_rate,
        "frame_length": size,
        "hop_length": hop,
        "resolution": RESOLUTION,
        "max_transition_rate": max(OCTAVES_A_SECOND, at_least),
        "fill_na": None,  # F0 stays a number where unvoiced
        "center": False,
    }


@functools.cache
def _pyin() -> Pyin:
    with librosa_for("F0"):
        import librosa

        # Once before it is used, since it calls functions that are compiled at their first call.
        pyin: Pyin = librosa.pyin
        size = _frame_length(8000)
        pyin(np.zeros(size), **_parameters(8000, size // 4, size))
        return pyin

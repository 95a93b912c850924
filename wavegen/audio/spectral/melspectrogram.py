"""The mel spectrogram of a recording by its convention, in float64, block by block."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wavegen.audio.spectral.compiling import librosa_for
from wavegen.audio.spectral.conventions import Analysis, Mel, Scale
from wavegen.audio.spectral.framing import Span
from wavegen.audio.spectral.settings import FrameSettings
from wavegen.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 2**19  # samples of all frames that are transformed at once


class _Librosa(NamedTuple):
    """The functions that are used of it. It takes a second to import, and more when nothing is compiled yet."""

    stft: Callable[..., NDArray[np.complex128]]
    mel: Callable[..., NDArray[np.float64]]


def mel_spectrogram(pcm: NDArray[np.int16], settings: FrameSettings, mel: Mel, span: Span) -> NDArray[np.float32]:
    """The mel spectrogram, (frames, bands) for the frames of `span`, of a recording, (samples,) with one at least.

    Raises UserError if a band lies between two bins of the transform, or librosa cannot be used.
    """
    framing = mel.analysis.framing
    hop = settings.hop
    n_fft = settings.n_fft
    weights = mel_filters(settings)
    pcm = framing.continued(pcm, hop)
    spectrogram = np.empty((span.number, settings.bands), np.float32)
    at_once = max(1, BLOCK // n_fft)
    for frame in range(0, span.number, at_once):
        frames = min(at_once, span.number - frame)
        start = span.start + frame * hop
        samples = framing.stretch(pcm, start, start + (frames - 1) * hop + n_fft)
        bands = weights @ _spectrum(samples, settings, mel.analysis)
        spectrogram[frame : frame + frames] = _scaled(bands, mel.scale).T
    return spectrogram


def _spectrum(samples: NDArray[np.float64], settings: FrameSettings, analysis: Analysis) -> NDArray[np.float64]:
    """Magnitudes or powers, (bins, frames), of as many whole frames as there are."""
    window = _root_hann(settings.n_fft, settings.hop) if analysis.root_hann else "hann"
    sizes = {"n_fft": settings.n_fft, "hop_length": settings.hop, "win_length": settings.win_length}
    transform = _librosa().stft(samples, **sizes, window=window, center=False)
    power = transform.real**2 + transform.imag**2
    return power if analysis.power else np.sqrt(power + analysis.epsilon)


def _scaled(bands: NDArray[np.float64], scale: Scale) -> NDArray[np.float64]:
    return np.minimum(scale.slope * np.log10(np.maximum(bands, scale.floor)) + scale.offset, scale.ceiling)


def _root_hann(n_fft: int, hop: int) -> NDArray[np.float64]:
    """lws's window, of which the squares at all shifts by `hop` sum to one: a Hann window's middles of samples."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(n_fft) + 0.5) / n_fft)
    return np.sqrt(hann * 2 * hop / n_fft)


@functools.lru_cache(maxsize=8)
def mel_filters(settings: FrameSettings) -> NDArray[np.float64]:
    """The mel filters, (bands, bins). Raises UserError if one is empty."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Empty filters", UserWarning)  # of which an error is made here
        weights = _librosa().mel(
            sr=settings.sample_rate,
            n_fft=settings.n_fft,
            n_mels=settings.bands,
            fmin=settings.fmin,
            fmax=settings.fmax,
            dtype=np.float64,  # float32 by default
        )
    if empty := int((weights.max(axis=1) <= 0).sum()):
        width = settings.sample_rate / settings.n_fft
        said = f"{empty} of {settings.bands} mel bands hold no bin of a transform that has one each {width:.3g} Hz"
        raise UserError(f"{said}; give a larger `n_fft` or fewer `bands`", parameter=("n_fft", "bands"))
    return weights


@functools.cache
def _librosa() -> _Librosa:
    with librosa_for("a mel spectrogram"):
        import librosa

        return _Librosa(librosa.stft, librosa.filters.mel)

"""Griffin-Lim: sound from a mel spectrogram without any model, which vocoders are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wavegen.audio.files import codes_of
from wavegen.audio.spectral.compiling import librosa_for
from wavegen.audio.spectral.conventions import Mel
from wavegen.audio.spectral.settings import FrameSettings
from wavegen.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

ITERATIONS = 60


def griffin_lim(
    spectrogram: NDArray[np.floating], settings: FrameSettings, samples: int, *, seed: int = 0
) -> NDArray[np.int16]:
    """The sound, (samples,) int16, whose mel spectrogram is near a given one.

    Magnitudes are the non-negative ones whose bands come nearest; phases begin at random and are made to fit each other
    in 60 iterations (Griffin & Lim, 1984, "Signal estimation from modified short-time Fourier transform", in the
    accelerated form of Perraudin et al., 2013), both by librosa.

    Args:
        spectrogram: (frames, bands) of `settings`, without F0.
        settings: of a convention whose frames are centred.
        samples: of the recording.
        seed: of the phases.

    Raises UserError for another convention, or if librosa cannot be used.
    """
    mel = settings.mel
    if not is_invertible(mel):
        said = f"Griffin-Lim needs frames that are centred on their samples, and those of {settings.convention} are not"
        raise UserError(f"{said}; take a model of another convention", parameter="convention")
    assert mel is not None, "it is invertible"
    bands = 10 ** ((spectrogram.T.astype(np.float64) - mel.scale.offset) / mel.scale.slope)
    with librosa_for("Griffin-Lim"):
        import librosa

        magnitudes = librosa.feature.inverse.mel_to_stft(
            bands,
            sr=settings.sample_rate,
            n_fft=settings.n_fft,
            power=2.0 if mel.analysis.power else 1.0,
            fmin=settings.fmin,
            fmax=settings.fmax,
        )
        sound = librosa.griffinlim(
            magnitudes,
            n_iter=ITERATIONS,
            hop_length=settings.hop,
            win_length=settings.win_length,
            n_fft=settings.n_fft,
            random_state=seed,
            length=samples,
        )
    return codes_of(sound)


def is_invertible(mel: Mel | None) -> bool:
    """Whether the frames of a mel spectrogram are centred on their samples, as those of librosa's transform are."""
    return mel is not None and mel.analysis.framing.kind == "centred"

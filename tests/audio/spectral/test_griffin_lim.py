"""Griffin-Lim gives a sound whose mel spectrogram is the given one, nearly."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from wavegen.assets import speech
from wavegen.audio import files as audio_files
from wavegen.audio.spectral.frames import frames
from wavegen.audio.spectral.griffin_lim import griffin_lim, is_invertible
from wavegen.audio.spectral.names import CONVENTIONS
from wavegen.audio.spectral.settings import FrameSettings
from wavegen.errors import UserError

SIZES: dict[str, Any] = {"hop": 80, "n_fft": 512, "win_length": 512, "bands": 40, "fmin": 50, "fmax": 4000}
CENTRED = FrameSettings("parallel-wavegan", 8000, **SIZES)


def decibels(one: np.ndarray, other: np.ndarray, settings: FrameSettings) -> float:
    """The root mean square of the difference of two sounds' mel spectrograms, of magnitudes on a log10 scale."""
    return 20 * float(np.sqrt(np.mean((frames(one, settings) - frames(other, settings)) ** 2)))


def test_speech_comes_back_as_its_mel_spectrogram():
    pcm = audio_files.read(audio_files.find(speech.folder())[3], 8000).pcm[:12000]
    spectrogram = frames(pcm, CENTRED)
    again = griffin_lim(spectrogram, CENTRED, len(pcm))
    assert (again.dtype, again.shape) == (np.int16, pcm.shape)
    noise = np.random.default_rng(0).normal(0, pcm.std(), len(pcm)).astype(np.int16)
    assert decibels(pcm, again, CENTRED) < 5 < 10 < decibels(pcm, noise, CENTRED)
    assert np.array_equal(again, griffin_lim(spectrogram, CENTRED, len(pcm)))
    assert not np.array_equal(again, griffin_lim(spectrogram, CENTRED, len(pcm), seed=1))


@pytest.mark.parametrize("convention", ["librosa", "parallel-wavegan", "tacotron2"])
def test_a_tone_has_its_pitch_and_loudness_in_each_scale(convention):
    settings = replace(CENTRED, convention=convention)
    tone = np.rint(8000 * np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000)).astype(np.int16)
    again = griffin_lim(frames(tone, settings), settings, len(tone))
    spectrum = np.abs(np.fft.rfft(again[2000:6000] * np.hanning(4000)))
    assert abs(spectrum.argmax() * 2 - 1000) <= 60, "a mel band is about as wide"
    assert 0.7 < again[2000:6000].std() / tone.std() < 1.4


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_frames_that_are_not_centred_are_refused(convention):
    sizes = {**SIZES, "hop": 128} if convention == "r9y9" else SIZES
    settings = FrameSettings(convention, 8000, **sizes)
    spectrogram = frames(np.zeros(1024, np.int16), settings)
    if is_invertible(settings.mel):
        assert len(griffin_lim(spectrogram, settings, 1024)) == 1024
    else:
        with pytest.raises(UserError, match=f"those of {convention} are not; take a model of another convention"):
            griffin_lim(spectrogram, settings, 1024)
    assert is_invertible(settings.mel) == (convention not in ("hifigan", "r9y9"))

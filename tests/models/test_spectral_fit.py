"""What a spectral predictor is fitted to: the error of the recordings, their spectra, and what comes again."""

import math
from typing import Any

import numpy as np
import pytest
import spectral_models
import torch
from spectral_models import predictor_of

from wavegen.audio.spectral.frames import frames as frames_of_sound
from wavegen.audio.spectral.settings import FrameSettings
from wavegen.errors import UserError
from wavegen.models import checkpoint
from wavegen.models.audio import AudioModel
from wavegen.models.forms import AudioForm
from wavegen.models.given import Given
from wavegen.models.parts import check_model

REFERENCE = 128
GIVEN = {"frames": Given(None, spectral_models.frames(8)), "none": Given()}
PITCH = {"frames": Given(None, spectral_models.with_f0(spectral_models.frames(25))), "none": Given()}

SOUND = {"mel": "parallel-wavegan", "bands": 20, "n_fft": 256, "win_length": 256, "hop": 64, "fmin": 0, "fmax": 4000}


def sounds():
    """Recordings of processes whose filters and loudness differ, and one that is too short for a filter."""
    random, found = np.random.default_rng(0), []
    for first, second, loudness in ((1.5, -0.8, 20), (-0.5, -0.3, 200), (0.9, 0.0, 60)):
        pcm = np.zeros(9000)
        for t in range(2, len(pcm)):
            pcm[t] = first * pcm[t - 1] + second * pcm[t - 2] + loudness * random.normal()
        found.append(np.rint(pcm).astype(np.int16))
    return [*found, np.ones(4, np.int16)]


@pytest.fixture(scope="module")
def fitted():
    model: Any = AudioModel.from_settings(spectral_models.settings(order=8, **SOUND), AudioForm(8000)).eval()
    model.fit(sounds(), [frames_of_sound(pcm, FrameSettings.of(model.config.conditioning, 8000)) for pcm in sounds()])
    return model


def locations(model, pcm, given):
    codes = torch.from_numpy(pcm[None].astype(np.int64))
    return model.params(codes, model.initial_state(1, conditions=[given]))[1][0].detach().numpy()


def units(model, pcm, given):
    state = model.initial_state(1, conditions=[given])
    condition, _ = model.conditioning.of_samples(state.condition, len(pcm))
    return REFERENCE / condition.repeated_filters()[0, :, -2].numpy()


def test_the_error_of_the_recordings_is_one_unit_and_each_filter_its_sound_s(fitted):
    in_units = []
    for pcm, loudness in zip(sounds()[:3], (20, 200, 60), strict=True):
        given = Given(None, frames_of_sound(pcm, FrameSettings.of(fitted.config.conditioning, 8000)))
        error = pcm - locations(fitted, pcm, given)
        assert 0.9 * loudness <= error.std() <= 1.25 * loudness
        in_units.append(error / units(fitted, pcm, given))
        assert 0.8 <= in_units[-1].std() <= 1.25
    assert math.sqrt(np.mean(np.concatenate(in_units) ** 2)) == pytest.approx(1, abs=0.02)


def test_without_frames_the_unit_is_the_error_of_one_filter_for_all(fitted):
    error = np.concatenate([pcm - locations(fitted, pcm, Given()) for pcm in sounds()[:3]])
    unit = float(predictor_of(fitted).unit)
    assert unit == pytest.approx(math.sqrt(np.mean(error**2)), rel=0.05)
    assert units(fitted, sounds()[0], Given()) == pytest.approx(unit)


def test_a_fit_to_the_same_recordings_gives_the_same_weights(fitted):
    again: Any = AudioModel.from_settings(spectral_models.settings(order=8, **SOUND), AudioForm(8000)).eval()
    again.fit(sounds(), [frames_of_sound(pcm, FrameSettings.of(again.config.conditioning, 8000)) for pcm in sounds()])
    for name, weight in predictor_of(fitted).state_dict().items():
        assert torch.equal(again.predictor.state_dict()[name], weight)


def repeating(gain: float, period: int, voiced: bool) -> tuple[np.ndarray, np.ndarray]:
    """A sound whose excitation comes again, `gain` times, after a period, and its frames."""
    random = np.random.default_rng(0)
    excitation = random.normal(0, 100, 20000)
    for t in range(period, len(excitation)):
        excitation[t] += gain * excitation[t - period]
    pcm = np.zeros(len(excitation))
    for t in range(2, len(pcm)):
        pcm[t] = 0.9 * pcm[t - 1] - 0.5 * pcm[t - 2] + excitation[t]
    pcm = np.rint(pcm).astype(np.int16)
    made: Any = AudioModel.from_settings(spectral_models.settings(**SOUND), AudioForm(8000))
    mel = frames_of_sound(pcm, FrameSettings.of(made.config.conditioning, 8000))
    pitch = np.tile([math.log(8000 / period), voiced], (len(mel), 1))
    return pcm, np.concatenate([mel, pitch], axis=1).astype(np.float32)


@pytest.mark.parametrize(("gain", "period"), [(0.7, 61), (0.4, 110), (0.0, 40)])
def test_the_pitch_gain_is_what_comes_again_of_the_excitation(gain, period):
    """And the unit is what is left then; unvoiced frames tell nothing."""
    pcm, frames = repeating(gain, period, True)
    for told, expected in ((frames, gain), (frames * [*[1] * 20, 1, 0], 0)):
        model: Any = AudioModel.from_settings(spectral_models.settings(order=8, f0=True, **SOUND), AudioForm(8000))
        model.eval().fit([pcm], [told.astype(np.float32)])
        assert float(predictor_of(model).pitch_gain) == pytest.approx(expected, abs=0.06)
        given = Given(None, told.astype(np.float32))
        error = pcm - locations(model, pcm, given)
        left = 100 if expected == gain else 100 / math.sqrt(1 - gain**2)
        assert error[500:].std() == pytest.approx(left, rel=0.06)
        assert (error / units(model, pcm, given)).std() == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("f0", [False, True])
def test_a_fit_to_silence_or_to_nothing_leaves_finite_weights(f0):
    for recordings in ([], [np.zeros(999, np.int16)]):
        model: Any = AudioModel.from_settings(spectral_models.settings(f0=f0, **SOUND), AudioForm(8000))
        model.fit(recordings, [np.full((16, 22 if f0 else 20), -10, np.float32) for _ in recordings])
        assert all(weight.isfinite().all() for weight in model.parameters())
        assert model.predictor.level > 0
        assert model.predictor.autocorrelation[0].min() > 0


def test_a_model_comes_back_as_it_was(fitted, tmp_path):
    path = tmp_path / "model.safetensors"
    checkpoint.save(fitted, path, {})
    again: Any = checkpoint.load(path)
    assert again.settings == fitted.settings
    assert again.config.shapes == {name: tuple(weight.shape) for name, weight in fitted.state_dict().items()}
    assert again.describe() == fitted.describe() == fitted.data().describe()
    frames = frames_of_sound(sounds()[0], FrameSettings.of(fitted.config.conditioning, 8000))
    assert again.data().spectral_filters.of(frames).tobytes() == fitted.data().spectral_filters.of(frames).tobytes()
    assert again.network.config.input_channels == 4


@pytest.mark.parametrize(
    "conditioning", [None, {"name": "encoder", "speakers": ["anna"]}, {"name": "encoder", "f0": True}]
)
def test_a_model_without_a_mel_spectrogram_is_refused(conditioning):
    tables = spectral_models.settings()
    tables.pop("conditioning")
    tables |= {} if conditioning is None else {"conditioning": conditioning}
    said = "model.safetensors: predictor.name = 'spectral' takes its filters from a mel spectrogram, and there is none"
    with pytest.raises(UserError, match=said) as error:
        check_model(tables, "model.safetensors")
    assert "\n" not in str(error.value)

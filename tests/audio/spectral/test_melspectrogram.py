"""Each convention's numbers are those of its definition, whatever the sizes and the recording's length."""

from dataclasses import replace

import mel_definitions
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mel_definitions import Sizes

from wavegen.audio.spectral import melspectrogram
from wavegen.audio.spectral.frames import frames
from wavegen.audio.spectral.names import CONVENTIONS
from wavegen.audio.spectral.settings import FrameSettings
from wavegen.errors import UserError

EACH = pytest.mark.parametrize("convention", CONVENTIONS)


def pcm_of(samples: int, seed: int, kind: str) -> np.ndarray:
    """(samples,) int16: noise at full scale, digital silence, a click, or noise after silence."""
    random = np.random.default_rng(seed)
    if kind == "noise":
        return random.integers(-32768, 32768, samples).astype(np.int16)
    pcm = np.zeros(samples, np.int16)
    if kind == "click":
        pcm[random.integers(samples)] = -32768
    if kind == "after silence":
        pcm[samples // 2 :] = random.integers(-3, 4, samples - samples // 2)
    return pcm


@st.composite
def sizes(draw, convention: str) -> Sizes:
    """Sizes that the convention has, with no band between two bins."""
    rate = draw(st.sampled_from([8000, 11025, 16000, 22050, 48000]))
    n_fft = draw(st.sampled_from([64, 120, 256]))
    if convention == "r9y9":
        hop = n_fft // draw(st.sampled_from([1, 2, 4, 8]))
        win_length = n_fft
    else:
        hop = draw(st.integers(5, n_fft))
        win_length = draw(st.sampled_from([n_fft, n_fft - 2, n_fft // 2 - 1]))
    fmin = draw(st.integers(0, rate // 8))
    fmax = draw(st.integers(rate // 3, rate // 2))
    return Sizes(rate, hop, n_fft, win_length, draw(st.integers(1, 4)), fmin, fmax)


@EACH
@given(
    data=st.data(),
    samples=st.one_of(st.integers(1, 12), st.integers(1, 900)),
    seed=st.integers(0, 9),
    kind=st.sampled_from(["noise", "silence", "click", "after silence"]),
)
@settings(deadline=None, max_examples=60)
def test_the_numbers_are_the_definitions(convention, data, samples, seed, kind):
    s = data.draw(sizes(convention))
    pcm = pcm_of(samples, seed, kind)
    found = frames(pcm, FrameSettings(convention, *s))
    expected = mel_definitions.frames_of(convention, pcm, s)
    assert found.dtype == np.float32
    assert found.shape == expected.shape
    assert len(found) == FrameSettings(convention, *s).number_of_frames(samples)
    assert np.abs(found - expected).max() <= 2e-6 * max(1, np.abs(expected).max())
    in_file = frames(pcm, FrameSettings(convention, *s), in_file=True)
    in_file = in_file.T if convention in mel_definitions.BANDS_FIRST else in_file
    np.testing.assert_allclose(in_file, mel_definitions.FILES[convention](pcm, s), rtol=0, atol=2e-4)


@EACH
def test_the_usual_sizes(convention):
    pcm = pcm_of(5000, 1, "noise") // 7
    usual = FrameSettings.usual(convention, 22050)
    s = Sizes(*(getattr(usual, name) for name in ("sample_rate", *Sizes._fields[1:])))
    expected = mel_definitions.frames_of(convention, pcm, s)
    np.testing.assert_allclose(frames(pcm, usual), expected, atol=1e-5)


def test_the_usual_sizes_of_librosa_are_its_defaults():
    pcm = pcm_of(9000, 2, "noise") // 5
    found = frames(pcm, FrameSettings.usual("librosa", 22050))
    import librosa  # not before wavegen has: another worker may be compiling it

    powers = librosa.feature.melspectrogram(y=pcm.astype(np.float32) / 32768, sr=22050)
    expected = librosa.power_to_db(powers, top_db=None)
    np.testing.assert_allclose(found.T, expected, atol=1e-3)


@EACH
@given(t=st.integers(500, 2500), many=st.sampled_from([1, 2, 3, 4, 8]))
@settings(deadline=None, max_examples=30)
def test_a_sample_is_loudest_in_its_own_frame_or_the_next(convention, t, many):
    pcm = np.zeros(3000, np.int16)
    pcm[t] = 20000
    settings = FrameSettings(convention, 8000, 480 // many, 480, 480, 20, 0, 4000)
    levels = frames(pcm, settings).mean(axis=1)
    own = min(t // settings.hop, len(levels) - 1)
    assert levels[own : own + 2].max() >= levels.max() - 1e-5  # between two hops both are as loud


@EACH
def test_blocks_are_no_part_of_the_result(convention, monkeypatch):
    pcm = pcm_of(3000, 3, "noise")
    settings = FrameSettings.usual(convention, 8000, n_fft=256, win_length=256, hop=64, bands=10)
    whole = frames(pcm, settings)
    monkeypatch.setattr(melspectrogram, "BLOCK", 5 * 256)
    np.testing.assert_allclose(frames(pcm, settings), whole, atol=2e-6)


def test_a_band_without_a_bin_is_refused():
    settings = FrameSettings("hifigan", 22050, 64, 256, 256, 80, 0, 8000)
    with pytest.raises(UserError, match=r"of 80 mel bands hold no bin .* each 86.1 Hz; give a larger `n_fft`") as error:
        frames(np.zeros(100, np.int16), settings)
    assert error.value.parameters == ("n_fft", "bands")
    frames(np.zeros(100, np.int16), replace(settings, n_fft=1024, win_length=256))


def test_no_samples_are_refused():
    with pytest.raises(UserError, match="a recording without samples"):
        frames(np.zeros(0, np.int16), FrameSettings.usual("r9y9", 8000))

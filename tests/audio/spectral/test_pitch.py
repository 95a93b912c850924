"""F0 is that of the sound, at the times of the mel spectrogram's frames, and the same in any stretches."""

from dataclasses import replace

import numpy as np
import pytest

from wavegen.audio.spectral import pitch
from wavegen.audio.spectral.frames import frames
from wavegen.audio.spectral.names import CONVENTIONS
from wavegen.audio.spectral.settings import FrameSettings

RATE = 8000
ONLY_F0 = FrameSettings("", RATE, 128, 1024, 1024, 80, 80, 4000, f0=True)


def sung(frequency: np.ndarray, amplitude: float = 6000.0) -> np.ndarray:
    """(samples,) int16 of four harmonics with that frequency in Hz at each sample."""
    phase = 2 * np.pi * np.cumsum(frequency) / RATE
    return np.sum([amplitude / k * np.sin(k * phase) for k in range(1, 5)], axis=0).astype(np.int16)


def glide(seconds: float = 2.0, low: float = 90.0, octaves: float = 2.0) -> np.ndarray:
    """The frequency at each sample."""
    return low * 2 ** (octaves * np.arange(round(RATE * seconds)) / (RATE * seconds))


def settings_of(convention: str, **sizes: int) -> FrameSettings:
    sizes = {"hop": 128, "n_fft": 1024, "win_length": 1024, "bands": 40} | sizes
    return FrameSettings.usual(convention, RATE, f0=True, **sizes)


@pytest.mark.parametrize("convention", ["", *CONVENTIONS])
@pytest.mark.parametrize(("hop", "n_fft"), [(64, 256), (128, 1024), (512, 1536)])
def test_it_is_that_of_the_frame(convention, hop, n_fft):
    settings = replace(ONLY_F0, hop=hop, n_fft=n_fft, win_length=n_fft, convention=convention, bands=20)
    frequency = glide(octaves=1.5)
    found = frames(sung(frequency), settings)[:, -2:]
    middles = settings.framing.first(hop, n_fft) + n_fft // 2 + hop * np.arange(len(found))
    inner = (middles > RATE // 20) & (middles < len(frequency) - RATE // 20)
    semitones = 12 * np.abs(np.log2(np.exp(found[inner, 0]) / frequency[middles[inner]]))
    assert (found[inner, 1] == 1).all()
    assert np.median(semitones) < 0.15
    assert semitones.max() < 0.4


def test_where_there_is_none():
    random = np.random.default_rng(0)
    for pcm in (np.zeros(RATE, np.int16), random.integers(-9000, 9000, RATE).astype(np.int16), np.full(RATE, 77, "i2")):
        assert not frames(pcm, ONLY_F0).any()


def test_an_offset_changes_nothing():
    pcm = sung(np.full(RATE, 150.0), 300.0)
    found = frames(pcm, ONLY_F0)
    assert found[2:-2, 1].all()
    np.testing.assert_allclose(frames(pcm + np.int16(4000), ONLY_F0)[2:-2], found[2:-2], atol=1e-6)


def test_a_short_hop_lets_it_change():
    """pyin rounds the change that it allows to whole semitones a hop, which for a short one are none."""
    frequency = glide(octaves=1)
    found = frames(sung(frequency), replace(ONLY_F0, hop=8, n_fft=512, win_length=512))
    assert found[:, 1].mean() > 0.9
    assert np.median(12 * np.abs(np.log2(np.exp(found[:-1, 0]) / frequency[8 * np.arange(len(found) - 1)]))) < 0.2


def test_stretches_are_no_part_of_the_result(monkeypatch):
    pcm = np.concatenate([sung(glide()), np.zeros(3000, np.int16), sung(np.full(9000, 130.0))])
    for convention in ("", "hifigan"):
        settings = replace(ONLY_F0, convention=convention)
        whole = frames(pcm, settings)[:, -2:]
        monkeypatch.setattr(pitch, "STRETCH", 50)
        monkeypatch.setattr(pitch, "MARGIN", 20)
        apart = frames(pcm, settings)[:, -2:]
        assert apart.shape == whole.shape
        assert np.mean(apart != whole) < 0.02
        monkeypatch.undo()

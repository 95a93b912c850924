"""FLAC's bits by sample: they add up to the file's exactly, and lie where the sound is hard to code."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen.evaluation.baselines import flac_bits, flac_samples
from wavegen.evaluation.baselines.flac_samples import flac_bits_by_frame, flac_bits_per_sample

RANDOM = np.random.default_rng(0)
SOUNDS = {
    "noise": RANDOM.integers(-32768, 32768, 9000),
    "gaussian": RANDOM.normal(0, 300, 9000),
    "walk": np.cumsum(RANDOM.normal(0, 30, 20_000)),
    "sine": 3000 * np.sin(np.arange(20_000) / 9),
    "all alike": np.full(5000, 7),
    "wasted bits": RANDOM.normal(0, 300, 9000).round() * 16,
    "silence, then noise": np.concatenate([np.zeros(5000), RANDOM.normal(0, 3000, 5000)]),
    "rare clicks": np.where(RANDOM.random(40_000) < 1e-3, 30_000, 0),
    "ramp": np.arange(30_000) - 15_000,
    "one sample": [5],
    "a few": [5, -7, 30_000, 4, 4],
    "a block and one": RANDOM.normal(0, 300, 4097),
    "frame numbers of two bytes": np.tile([0, 9, 5, -3], 4096 * 130 // 4),
}


def as_pcm(values) -> np.ndarray:
    return np.rint(values).clip(-32768, 32767).astype(np.int16)


@pytest.mark.parametrize("rate", [8000, 16_001, 12_345, 44_100, 700_000])
@pytest.mark.parametrize("sound", SOUNDS)
def test_they_add_up_to_the_file(sound, rate):
    pcm = as_pcm(SOUNDS[sound])
    bits = flac_bits_per_sample(pcm, rate)
    assert bits.shape == pcm.shape
    assert bits.min() >= 0
    assert bits.sum() == pytest.approx(flac_bits(pcm, rate), abs=1e-3)


@given(pieces=st.lists(st.tuples(st.integers(1, 3000), st.floats(0, 4)), min_size=1, max_size=6))
@settings(deadline=None, max_examples=30)
def test_they_add_up_for_any_loudness(pieces):
    pcm = as_pcm(np.concatenate([np.random.default_rng(n).normal(0, 10**loud, n) for n, loud in pieces]))
    assert flac_bits_per_sample(pcm, 8000).sum() == pytest.approx(flac_bits(pcm, 8000), abs=1e-3)


@pytest.mark.parametrize("sound", SOUNDS)
def test_frame_by_frame_they_are_the_same_however_the_encoder_is_fed(sound, monkeypatch):
    pcm = as_pcm(SOUNDS[sound])
    whole = flac_bits_per_sample(pcm, 8000)
    for block, largest in ((1000, 2**14), (4096, 2**15), (4099, 2**17)):
        monkeypatch.setattr(flac_samples, "BLOCK", block)
        monkeypatch.setattr(flac_samples, "MAX_FRAME_BYTES", largest)
        frames = list(flac_bits_by_frame(pcm, 8000))
        assert np.array_equal(np.concatenate(frames), whole)
        assert max(map(len, frames)) <= 4608


def test_frames_take_memory_that_does_not_grow():
    pcm = as_pcm(RANDOM.integers(-32768, 32768, 5_000_000))
    tracemalloc.start()
    assert sum(map(len, flac_bits_by_frame(pcm, 8000))) == len(pcm)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3e6


def test_nothing_costs_nothing():
    assert flac_bits_per_sample(np.zeros(0, np.int16), 8000).shape == (0,)


def test_they_lie_where_the_sound_is_hard():
    """White noise of standard deviation s needs log2(s √(2πe)) bits, its Rice code a little more."""
    loudness = np.repeat([4.0, 1000.0, 4.0], 4096)
    bits = flac_bits_per_sample(as_pcm(np.random.default_rng(1).normal(0, loudness)), 8000)
    for part, deviation in zip(np.split(bits, 3), (4.0, 1000.0, 4.0), strict=True):
        entropy = np.log2(deviation * np.sqrt(2 * np.pi * np.e))
        assert entropy < part.mean() < entropy + 0.3
    click = as_pcm(np.random.default_rng(2).normal(0, 20, 4096))
    click[1000] += 3000
    bits = flac_bits_per_sample(click, 8000)
    assert bits.argmax() in range(1000, 1033), "a click is dear where it is, or where it is in the predictor's past"
    assert bits.max() > 20

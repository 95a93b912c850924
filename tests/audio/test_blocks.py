"""A recording read in blocks is what it is read whole."""

import tempfile

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen.audio import cutting
from wavegen.audio import files as audio_files
from wavegen.audio.examination import examiner


def signal(seed: int, frames: int, channels: int) -> np.ndarray:
    """(frames, channels) int16: noise that comes and goes, with stretches of exact zeros."""
    random = np.random.default_rng(seed)
    loud = np.repeat(random.integers(0, 3, frames // 50 + 1), 50)[:frames, None]
    return (random.normal(0, 2000, (frames, channels)) * loud).astype(np.int16)


@given(
    seed=st.integers(0, 99),
    frames=st.integers(10, 3000),
    channels=st.integers(1, 3),
    rates=st.sampled_from([(8000, 8000), (8000, 16000), (48000, 16000), (44100, 8000), (11025, 16000)]),
    block=st.integers(1, 4000),
)
@settings(deadline=None, max_examples=60)
def test_reading_in_blocks_gives_what_reading_whole_gives(seed, frames, channels, rates, block):
    source_rate, rate = rates
    pcm = signal(seed, frames, channels)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        soundfile.write(f"{folder}/a.wav", pcm, source_rate)
        patch.setattr(audio_files, "BLOCK", 2**20)
        whole = audio_files.read(f"{folder}/a.wav", rate)
        patch.setattr(audio_files, "BLOCK", block)
        parts = audio_files.read(f"{folder}/a.wav", rate)
    assert np.array_equal(parts.pcm, whole.pcm)
    assert parts.figures == whole.figures
    if channels == 1:
        at_once = soxr.resample(pcm[:, 0] / 32768, source_rate, rate, quality="HQ")
        assert np.array_equal(audio_files.codes_of(at_once), whole.pcm)


@given(
    runs=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=12),
    shortest=st.integers(1, 9),
    block=st.integers(1, 40),
)
@settings(deadline=None)
def test_runs_of_silence_are_counted_over_blocks(runs, shortest, block):
    pcm = np.concatenate([np.repeat([0, 5], run) for run in runs] or [[]]).astype(np.int16)
    edges = np.flatnonzero(np.diff(pcm == 0, prepend=False, append=False))
    lengths = edges[1::2] - edges[::2]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(examiner, "BLOCK", block)
        assert examiner.silent_samples(pcm, shortest) == lengths[lengths >= shortest].sum()


@given(seed=st.integers(0, 99), seconds=st.floats(1, 20), block=st.integers(1, 400))
@settings(deadline=None, max_examples=30)
def test_cuts_do_not_depend_on_blocks(seed, seconds, block):
    pcm = signal(seed, 40_000, 1)[:, 0]
    whole = cutting.piece_lengths(pcm, 1000, seconds)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutting, "FRAMES_AT_ONCE", block)
        assert cutting.piece_lengths(pcm, 1000, seconds) == whole

"""Compressed files come back byte for byte, in the bits that the model claims."""

import filecmp
import itertools
import os
import tracemalloc

import numpy as np
import pytest
import sensitive_models
from hypothesis import given, settings
from hypothesis import strategies as st
from round_trips import KINDS, SLOW, recordings, there_and_back

from wavegen.audio.wav import plain_header
from wavegen.compression import lockstep, wgn
from wavegen.compression.files import proven
from wavegen.engine import native, open_engine
from wavegen.evaluation.audio import score

pytestmark = pytest.mark.skipif(native.missing() is not None, reason="the extension is not built")


@pytest.mark.parametrize("declared", [200, 0])
def test_samples_that_the_header_does_not_declare_are_kept_and_said(model, written, declared):
    path = written("a.wav", np.random.default_rng(1).integers(-3000, 3000, (4000, 1)))
    contents = bytearray(path.read_bytes())
    contents[40:44] = declared.to_bytes(4, "little")
    path.write_bytes(contents)
    result = there_and_back(model, [path])
    said = f"{8000 - declared} bytes after its samples are no chunk or tag; they are kept as they are, not compressed"
    assert result["warnings"] == [f"{path}: {said}"]
    assert result["samples"] == declared // 2


@pytest.mark.parametrize("name", sensitive_models.COMBINATIONS)
def test_every_model_gives_files_back_in_the_bits_it_claims(name, written):
    model = sensitive_models.combined(name)
    paths = [written("none.wav", np.zeros((0, 1), np.int16)), written("one.wav", np.full((1, 1), -32768, np.int16))]
    paths += [
        written(f"{kind}-{channels}.wav", recordings(kind, 300 + 50 * channels, channels, 5), trailer=b"LIST")
        for kind, channels in itertools.product(KINDS, (1, 2))
    ]
    result = there_and_back(model, paths)
    for row, path in zip(result["files"], paths, strict=True):
        assert row["bytes"] == path.with_suffix(".wgn").stat().st_size
        if row["model_bits_per_sample"] is not None:
            claimed = row["model_bits_per_sample"] * row["samples"] / 8
            blocks = 1 + path.name.endswith("2.wav")
            assert claimed <= row["bytes"] <= claimed * 1.001 + 52 + 12 * blocks
    mono = [path for path in paths if path.name.endswith("-1.wav")]
    scored = {row["file"]: row["bits_per_sample"] for row in score(model, mono, engine="cpu")["files"]}
    for path, row in zip(paths, result["files"], strict=True):
        if path in mono:
            assert row["model_bits_per_sample"] == pytest.approx(scored[str(path)], abs=2e-6)


def test_every_code_once_at_full_length(written):
    """All 65 536 codes, over more than two blocks, for a codec of cells and one of codes."""
    codes = np.random.default_rng(1).permutation(np.arange(-32768, 32768)).astype(np.int16)[:, None]
    for name in ("markov", "markov-linear"):
        there_and_back(
            sensitive_models.combined(name), [written("codes.wav", codes), written("short.wav", codes[:1000])]
        )


@given(
    st.lists(
        st.tuples(st.sampled_from(KINDS), st.integers(0, 40), st.integers(1, 2), st.integers(0, 2**32)),
        min_size=200, max_size=200,
    ),
    st.integers(1, 3), st.integers(1, 40), st.integers(1, 9),
)  # fmt: skip
@settings(max_examples=10, deadline=None, suppress_health_check=SLOW)
def test_two_thousand_recordings_come_back(tmp_path_factory, drawn, threads, streams, block):
    """In lock-step with others of other lengths, in blocks of any length; the disk is left out of it."""
    model = sensitive_models.combined("markov")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        patch.setattr(lockstep, "STREAMS", streams)
        patch.setattr(wgn, "BLOCK", block)
        folder = tmp_path_factory.mktemp("many")
        paths = []
        for index, (kind, frames, channels, seed) in enumerate(drawn):
            pcm = recordings(kind, frames, channels, seed)
            paths.append(folder / f"{index}.wav")
            paths[-1].write_bytes(plain_header(8000, channels, frames) + pcm.tobytes())
        there_and_back(model, paths, threads=threads)


def test_precision_is_kept_in_the_file(model, written):
    path = written("a.wav", recordings("speech", 500, 1, 1))
    sizes = set()
    for precision in ("float32", "bfloat16", "int8"):
        result = there_and_back(model, [path], precision=precision)
        assert result["precision"] == precision
        sizes.add(result["model_bits_per_sample"])
    assert len(sizes) == 3


def test_the_proof_is_the_size_of_files_that_came_back(model, monkeypatch):
    pcms = [sensitive_models.pcm(1, 400, seed)[0] for seed in (1, 2)]
    claimed = -sum(open_engine(model, 1, engine="cpu").feed(pcm[None]).sum() for pcm in pcms) / 800
    size = proven(model, pcms)
    assert size is not None
    assert claimed < size <= 1.001 * claimed + 2 * 64 * 8 / 800
    monkeypatch.setattr(filecmp, "cmp", lambda *paths, shallow: False)
    with pytest.raises(RuntimeError, match="did not come back"):
        proven(model, pcms)


def test_memory_does_not_grow_with_the_recording(written, monkeypatch):
    """Both ways hold a block of each channel; what the longer one has more of samples would be 0.3 MB."""
    monkeypatch.setattr(wgn, "BLOCK", 1000)
    model = sensitive_models.combined("markov-linear")
    peaks = []
    for frames in (1000, 50_000, 200_000):  # at first something is made once, and 32 768 codes are examined
        path = written(f"{frames}.wav", recordings("noise", frames, 1, 1))
        tracemalloc.start()
        there_and_back(model, [path])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < peaks[1] + 50_000

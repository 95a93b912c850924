"""Scoring files: what is printed, what is refused, and that every engine says the same."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_models
import soundfile

from wavegen.audio import files as audio_files
from wavegen.audio.files import content_hash
from wavegen.data.corpus import open_corpus
from wavegen.data.preparing.audio import prepare
from wavegen.engine import open_engine
from wavegen.errors import UserError
from wavegen.evaluation.audio import score
from wavegen.evaluation.baselines import flac_bits
from wavegen.evaluation.feeding import windowed
from wavegen.wording import shortened

RATE = 8000
GRU = small_models.mu_law_model(name="gru", hidden_size=5)


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 2000, samples).round().astype(np.int16)


@pytest.fixture
def wav(tmp_path) -> Callable[..., str]:
    def write(name: str, samples: int, rate: int = RATE) -> str:
        audio_files.write(tmp_path / name, noise(samples, samples), rate)
        return str(tmp_path / name)

    return write


def test_score_of_files_and_folders(wav, tmp_path):
    model = small_models.mu_law_model(name="wavenet", **small_models.SETTINGS["wavenet"])
    files = [wav("a.wav", 500), wav("b.wav", 1700)]
    result = score(model, files, engine="torch")
    assert {"unit", "engine", "files", "bits_per_sample", "low", "high"} <= set(result)
    assert (result["unit"], result["engine"]) == ("bits/sample", "torch")
    assert [(file["file"], file["samples"]) for file in result["files"]] == [(files[0], 500), (files[1], 1700)]
    bits = [file["bits_per_sample"] * file["samples"] for file in result["files"]]
    assert result["bits_per_sample"] == pytest.approx(sum(bits) / 2200, abs=1e-5)
    low, high = result["low"], result["high"]
    assert low is not None
    assert high is not None
    assert low <= result["bits_per_sample"] <= high
    assert score(model, tmp_path, engine="torch")["files"] == result["files"]
    alone = score(model, files[0], engine="torch")
    assert (alone["low"], alone["high"]) == (None, None)
    assert alone["bits_per_sample"] == pytest.approx(result["files"][0]["bits_per_sample"], abs=2e-6)


def test_flac_stands_beside(wav):
    files = [wav("a.wav", 500), wav("b.wav", 1700)]
    result = score(GRU, files)
    for file, row in zip(files, result["files"], strict=True):
        flac = flac_bits(audio_files.read(file).pcm, RATE) / row["samples"]
        assert row["flac_bits_per_sample"] == pytest.approx(flac, abs=2e-6)
        assert row["above_flac"] == pytest.approx(row["bits_per_sample"] - flac, abs=3e-6)
    whole = sum(flac_bits(audio_files.read(file).pcm, RATE) for file in files) / 2200
    assert result["flac_bits_per_sample"] == pytest.approx(whole, abs=2e-6)
    assert result["above_flac"] == pytest.approx(result["bits_per_sample"] - whole, abs=3e-6)


def test_windows_average_to_the_file(wav, monkeypatch):
    file = wav("a.wav", 1010)
    result: Any = score(GRU, file, window=0.05)
    (row,) = result["files"]
    assert result["window"] == 0.05
    lengths = np.array([400, 400, 210])
    curves = {
        "surprisal": "bits_per_sample",
        "flac_surprisal": "flac_bits_per_sample",
        "surprisal_above_flac": "above_flac",
    }
    for curve, mean in curves.items():
        assert len(row[curve]) == 3
        assert np.dot(row[curve], lengths) / 1010 == pytest.approx(row[mean], abs=1e-5)
    log2_prob = open_engine(GRU).feed(audio_files.read(file).pcm[None])[0]
    np.testing.assert_allclose(row["surprisal"], windowed(-log2_prob, 400), atol=1e-6)
    monkeypatch.setattr("wavegen.evaluation.audio.max_samples_at_once", lambda model: 37)
    beside: Any = score(GRU, [wav("longer.wav", 1700), file], window=0.05)["files"][1]
    np.testing.assert_allclose(beside["surprisal"], row["surprisal"], atol=1e-5)


def test_memory_does_not_grow_with_the_samples(tmp_path, monkeypatch):
    pieces = [(index, -np.ones(1000)) for index in range(40) for _ in range(20)]
    monkeypatch.setattr("wavegen.evaluation.audio.chunks", lambda _, takes, *__: (
        (index, piece.copy()) for index, piece in pieces if index < len(takes)
    ))  # fmt: skip
    peaks = []
    for files in (1, 4, 40):  # the first time something may be imported
        folder = tmp_path / str(files)
        folder.mkdir()
        for index in range(files):
            audio_files.write(folder / f"{index}.wav", np.zeros(20_000, np.int16), RATE)
        tracemalloc.start()
        result = score(GRU, folder, window=0.05)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert result["bits_per_sample"] == 1
    assert peaks[2] - peaks[1] < 36 * 20_000 * 8 / 10, "a float64 a sample would be 5.8 MB more"


def test_another_sample_rate_is_refused_or_converted(wav):
    file = wav("a.wav", 1600, rate=16000)
    with pytest.raises(UserError) as refused:
        score(GRU, file)
    assert (
        str(refused.value) == f"{file}: 16000 Hz, the model was trained at 8000 Hz; give `resample=True` to convert it"
    )
    assert score(GRU, file, resample=True)["samples"] == 800


def test_a_broken_file_that_is_named_is_met_before_anything_is_scored(wav, tmp_path, monkeypatch):
    good = wav("a.wav", 100)
    bad = tmp_path / "z.wav"
    bad.write_text("no audio")
    monkeypatch.setattr("wavegen.evaluation.audio.chunks", lambda *_: pytest.fail("scored already"))
    with pytest.raises(UserError, match=r"z\.wav: is text, not an audio file"):
        score(GRU, [good, bad])


def test_of_a_folder_the_files_that_can_be_used_are_scored_and_the_others_named(wav, tmp_path):
    good = wav("a.wav", 500)
    (tmp_path / "b.wav").write_text("no audio")
    wav("c.wav", 500, rate=16000)
    result = score(GRU, tmp_path)
    assert [row["file"] for row in result["files"]] == [good]
    assert [Path(one["file"]).name for one in result["refused"]] == ["b.wav", "c.wav"]
    assert result["refused"][1]["reason"].endswith("give `resample=True` to convert it")
    (warning,) = result["warnings"]
    assert f"{tmp_path}: 2 of its 3 files left out; first: {tmp_path}/b.wav: is text, not an audio file" in warning
    assert score(GRU, tmp_path, resample=True)["samples"] == 750


def test_a_folder_of_which_no_file_can_be_used_is_refused(wav, tmp_path):
    wav("b.wav", 500, rate=16000)
    wav("c.wav", 500, rate=16000)
    with pytest.raises(UserError, match=r"none of its 2 files can be used; first: .*b\.wav: 16000 Hz"):
        score(GRU, tmp_path)
    (tmp_path / "c.wav").unlink()
    with pytest.raises(UserError, match=r"^\S*b\.wav: 16000 Hz"):
        score(GRU, tmp_path)


def test_a_corpus_is_scored_by_its_test_split_with_a_warning_if_it_is_another_models(tmp_path, wav):
    for samples in range(900, 924):
        wav(f"{samples}.wav", samples)
    prepare(tmp_path, tmp_path / "corpus")
    corpus = open_corpus(tmp_path / "corpus")
    model = small_models.mu_law_model(name="gru", hidden_size=5)
    for fingerprint, warned in [(None, 0), (corpus.fingerprint, 0), ("0" * 16, 1)]:
        model.metadata = {"corpus_fingerprint": fingerprint}
        result = score(model, corpus.path)
        assert [file["file"] for file in result["files"]] == [recording.id for recording in corpus.split("test")]
        assert len(result["warnings"]) == warned


def test_a_file_that_a_bundled_model_was_trained_on_is_warned_of(wav):
    paths = [wav("seen.wav", 900), wav("new.wav", 901)]
    model = small_models.mu_law_model(name="gru", hidden_size=5)
    assert score(model, paths)["warnings"] == []
    model.metadata = {"trained_or_validated_on": content_hash(audio_files.read(paths[0]).pcm)[:8]}
    (warning,) = score(model, paths)["warnings"]
    assert warning.startswith(f"this model was trained or validated on 1 of these 2 files: {paths[0]}")
    assert score(model, paths[1])["warnings"] == []


def test_recordings_that_count_twice_are_said(wav, tmp_path):
    first, other = wav("a.wav", 500), wav("b.wav", 700)
    copied = str(tmp_path / "copy.flac")
    soundfile.write(copied, noise(500, 500), RATE)
    twice = score(GRU, [first, other, copied], engine="torch")
    said = "1 of these 3 files has the samples of an earlier one, and counts again in the mean and its interval"
    assert [line for line in twice["warnings"] if "again" in line] == [f"{said}: {shortened(f'{copied} = {first}')}"]
    thrice = score(GRU, [first, tmp_path], engine="torch")["warnings"]
    assert any(line.startswith("2 of these 4 files have the samples") for line in thrice)
    assert not any("again" in line for line in score(GRU, [first, other], engine="torch")["warnings"])

"""Scoring files: what is printed, what is refused, and that every engine says the same."""

from collections.abc import Callable

import numpy as np
import pytest
import tiny

from wavegen import audio
from wavegen.data.corpus import open_corpus, prepare
from wavegen.errors import UserError
from wavegen.scoring import score

RATE = 8000
GRU = tiny.mu_law_model(name="gru", hidden_size=5)


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 2000, samples).round().astype(np.int16)


@pytest.fixture
def wav(tmp_path) -> Callable[..., str]:
    def write(name: str, samples: int, rate: int = RATE) -> str:
        audio.write(tmp_path / name, noise(samples, samples), rate)
        return str(tmp_path / name)

    return write


def test_score_of_files_and_folders(wav, tmp_path):
    model = tiny.mu_law_model(name="wavenet", **tiny.SETTINGS["wavenet"])
    files = [wav("a.wav", 500), wav("b.wav", 1700)]
    result = score(model, files, engine="torch")
    assert {"unit", "engine", "files", "bits_per_sample", "low", "high"} <= set(result)
    assert (result["unit"], result["engine"]) == ("bits/sample", "torch")
    assert [(file["file"], file["samples"]) for file in result["files"]] == [(files[0], 500), (files[1], 1700)]
    bits = [file["bits_per_sample"] * file["samples"] for file in result["files"]]
    assert result["bits_per_sample"] == pytest.approx(sum(bits) / 2200, abs=1e-5)
    assert result["low"] <= result["bits_per_sample"] <= result["high"]
    assert score(model, tmp_path, engine="torch")["files"] == result["files"]
    alone = score(model, files[0], engine="torch")
    assert (alone["low"], alone["high"]) == (None, None)
    assert alone["bits_per_sample"] == pytest.approx(result["files"][0]["bits_per_sample"], abs=2e-6)


def test_the_course_of_surprise_averages_to_the_bits_of_the_file(wav):
    result = score(GRU, wav("a.wav", 1010), window=0.05)
    (file,) = result["files"]
    assert result["window"] == 0.05
    assert len(file["surprise"]) == 3
    lengths = np.array([400, 400, 210])
    assert np.dot(file["surprise"], lengths) / 1010 == pytest.approx(file["bits_per_sample"], abs=1e-5)


def test_another_sample_rate_is_refused_or_converted(wav):
    file = wav("a.wav", 1600, rate=16000)
    with pytest.raises(UserError) as refused:
        score(GRU, file)
    assert str(refused.value) == f"{file}: 16000 Hz, the model was trained at 8000 Hz; give --resample to convert it"
    assert score(GRU, file, resample=True)["samples"] == 800


def test_a_broken_file_is_met_before_anything_is_scored(wav, tmp_path, monkeypatch):
    wav("a.wav", 100)
    (tmp_path / "z.wav").write_text("no audio")
    monkeypatch.setattr("wavegen.scoring.chunks", lambda *_: pytest.fail("scored already"))
    with pytest.raises(UserError, match=r"z\.wav"):
        score(GRU, tmp_path)


def test_a_corpus_is_scored_by_its_test_split_with_a_warning_if_it_is_another_models(tmp_path, wav):
    for samples in range(900, 924):
        wav(f"{samples}.wav", samples)
    prepare(tmp_path, tmp_path / "corpus")
    corpus = open_corpus(tmp_path / "corpus")
    model = tiny.mu_law_model(name="gru", hidden_size=5)
    for fingerprint, warned in [(None, 0), (corpus.fingerprint, 0), ("0" * 16, 1)]:
        model.metadata = {"corpus_fingerprint": fingerprint}
        result = score(model, corpus.path)
        assert [file["file"] for file in result["files"]] == [recording.id for recording in corpus.split("test")]
        assert len(result["warnings"]) == warned

"""The table of models and baselines: what it holds, and which models and corpora it refuses to put together."""

import numpy as np
import pytest
import tiny

from wavegen import audio
from wavegen.comparison import compare
from wavegen.data.corpus import Corpus, open_corpus, prepare
from wavegen.density import AudioModel
from wavegen.errors import UserError
from wavegen.evaluation import bits_per_file

RATE = 8000


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Corpus:
    folder = tmp_path_factory.mktemp("comparison")
    for index in range(40):
        random = np.random.default_rng(index)
        pcm = np.cumsum(random.normal(0, 30, random.integers(900, 2000))).round().astype(np.int16)
        audio.write(folder / f"{index}.wav", pcm, RATE)
    prepare(folder, folder / "corpus")
    return open_corpus(folder / "corpus")


def trained_on(corpus: Corpus | None, rate: int = RATE, **network) -> AudioModel:
    made = tiny.mu_law_model(**(network or {"name": "gru", "hidden_size": 5}))
    made.sample_rate = rate
    made.metadata = {"training_seconds": 12.5, "corpus_fingerprint": corpus.fingerprint if corpus else "0" * 16}
    return made


def test_the_table(corpus):
    models = {"a": trained_on(corpus), "b": trained_on(corpus, name="wavenet", dilations=[1, 2])}
    result = compare(models, corpus.path)
    recordings = corpus.split("test")
    pcms = [corpus.pcm(recording) for recording in recordings]
    assert (result["unit"], result["split"], result["files"]) == ("bits/sample", "test", len(pcms))
    assert result["samples"] == sum(map(len, pcms))
    rows = {row["name"]: row for row in result["rows"]}
    assert set(rows) == {"a", "b", "FLAC", "training histogram"}
    assert [row["bits_per_sample"] for row in result["rows"]] == sorted(row["bits_per_sample"] for row in rows.values())
    assert rows["a"]["bits_per_sample"] == pytest.approx(bits_per_file(models["a"], pcms).sum() / result["samples"])
    assert (rows["a"]["kind"], rows["a"]["parameters"]) == ("model", models["a"].num_parameters)
    assert rows["a"]["training_seconds"] == 12.5
    assert rows["FLAC"]["kind"] == "baseline"
    for key in ("parameters", "macs_per_sample", "training_seconds"):
        assert rows["FLAC"][key] is None
    for row in rows.values():
        assert row["low"] < row["bits_per_sample"] < row["high"]
    difference = {(each["a"], each["b"]): each for each in result["differences"]}
    assert set(difference) == {("a", "FLAC"), ("b", "FLAC")}
    expected = rows["b"]["bits_per_sample"] - rows["FLAC"]["bits_per_sample"]
    assert difference["b", "FLAC"]["bits_per_sample"] == pytest.approx(expected, abs=2e-6)


def test_against_another_row_and_another_split(corpus):
    models = {"a": trained_on(corpus), "b": trained_on(corpus)}
    result = compare(models, corpus, split="validation", against="a")
    assert result["split"] == "validation"
    (difference,) = result["differences"]
    assert (difference["a"], difference["b"]) == ("b", "a")
    assert [difference[key] for key in ("bits_per_sample", "low", "high")] == [0, 0, 0], "paired: equal models"
    assert compare(models, corpus, against="flac")["differences"][0]["b"] == "FLAC"
    with pytest.raises(UserError, match="did you mean FLAC"):
        compare(models, corpus, against="FLACC")


def test_the_histogram_is_of_the_training_split(corpus):
    train = np.concatenate([corpus.pcm(recording) for recording in corpus.split("train")]).astype(np.int64)
    test = np.concatenate([corpus.pcm(recording) for recording in corpus.split("test")]).astype(np.int64)
    share = np.bincount(train + 32768, minlength=65536) / len(train)
    mixed = (1 - 2.0**-14) * share + 2.0**-14 / 65536
    (row,) = [row for row in compare({}, corpus)["rows"] if row["name"] == "training histogram"]
    assert row["bits_per_sample"] == pytest.approx(-np.log2(mixed[test + 32768]).mean(), abs=1e-6)


def test_what_does_not_fit_is_refused_naming_both(corpus):
    with pytest.raises(UserError, match="8000 Hz, the model was trained at 16000 Hz; fast cannot be compared"):
        compare({"fast": trained_on(corpus, rate=16000)}, corpus)
    with pytest.raises(UserError, match=f"foreign was trained on corpus 00000000, .* is {corpus.fingerprint[:8]}"):
        compare({"foreign": trained_on(None)}, corpus)
    with pytest.raises(UserError, match="b and a were trained on different corpora"):
        compare({"a": trained_on(corpus), "b": trained_on(None)}, corpus)
    with pytest.raises(UserError, match="a baseline has this name"):
        compare({"FLAC": trained_on(corpus)}, corpus)


def test_an_empty_split_is_refused(tmp_path):
    audio.write(tmp_path / "one.wav", np.arange(2000, dtype=np.int16), RATE)
    prepare(tmp_path, tmp_path / "corpus")
    corpus = open_corpus(tmp_path / "corpus")
    (empty, *_) = [split for split in ("test", "validation", "train") if not corpus.split(split)]
    with pytest.raises(UserError, match=f"{empty} split is empty"):
        compare({}, corpus, split=empty)

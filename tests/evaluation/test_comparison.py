"""The table of models and baselines: what it holds, and which models and corpora it refuses to put together."""

import dataclasses
import struct

import numpy as np
import pytest
import small_models
import soundfile
import torch

from wavegen.audio import files as audio_files
from wavegen.data.corpus import Corpus, open_corpus
from wavegen.data.preparing.audio import prepare
from wavegen.errors import UserError
from wavegen.evaluation import baselines, comparison
from wavegen.evaluation.baselines.base import Baseline, without_training
from wavegen.evaluation.baselines.flac import flac_bits
from wavegen.evaluation.baselines.histogram import training_histogram
from wavegen.evaluation.comparison import compare
from wavegen.evaluation.mu_law import bits_per_symbol, g711_codes, is_mu_law
from wavegen.evaluation.teacher_forcing import bits_per_file
from wavegen.models.audio import AudioModel
from wavegen.models.codecs import Linear, MuLaw
from wavegen.reports.tables import comparison_text

RATE = 8000


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Corpus:
    folder = tmp_path_factory.mktemp("comparison")
    for index in range(40):
        random = np.random.default_rng(index)
        pcm = np.cumsum(random.normal(0, 30, random.integers(900, 2000))).round().astype(np.int16)
        audio_files.write(folder / f"{index}.wav", pcm, RATE)
    prepare(folder, folder / "corpus")
    return open_corpus(folder / "corpus")


@pytest.fixture(autouse=True)
def quick_baselines(monkeypatch):
    """Two that need no time and one that cannot run."""
    absent = Baseline("Absent", without_training(lambda pcm, rate: 1 / 0), lambda: "the absent program is not here")
    histogram = Baseline("training histogram", training_histogram)
    monkeypatch.setattr(comparison, "BASELINES", (Baseline("FLAC", without_training(flac_bits)), histogram, absent))


@dataclasses.dataclass(frozen=True)
class Steps:
    """A source whose density is known: each sample is the one before plus a whole number from −`most` to `most`."""

    most: int = 3

    def draw(self, samples: int, seed: int) -> np.ndarray:
        steps = np.random.default_rng(seed).integers(-self.most, self.most + 1, samples)
        return np.cumsum(steps).astype(np.int16)

    def log2_prob(self, pcm: np.ndarray) -> np.ndarray:
        assert np.abs(np.diff(pcm, prepend=0)).max() <= self.most
        return np.full(len(pcm), -np.log2(2 * self.most + 1))


def trained_on(corpus: Corpus | None, rate: int = RATE, **network) -> AudioModel:
    made = small_models.mu_law_model(rate, **(network or {"name": "gru", "hidden_size": 5}))
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
        low, high = row["low"], row["high"]
        assert low is not None
        assert high is not None
        assert low < row["bits_per_sample"] < high
    difference = {(each["a"], each["b"]): each for each in result["differences"]}
    assert set(difference) == {("a", "FLAC"), ("b", "FLAC"), ("training histogram", "FLAC")}
    for name in ("b", "training histogram"):
        expected = rows[name]["bits_per_sample"] - rows["FLAC"]["bits_per_sample"]
        assert difference[name, "FLAC"]["bits_per_sample"] == pytest.approx(expected, abs=2e-6)
        assert difference[name, "FLAC"]["meaning"] == "difference"
    assert result["missing"] == [{"name": "Absent", "why": "the absent program is not here"}]


def test_a_split_of_an_older_corpus_is_doubted_too(corpus):
    audit = dict(corpus.audit)
    del audit["minutes"]
    older = dataclasses.replace(corpus, audit=audit)
    assert compare({}, older)["warnings"] == compare({}, corpus)["warnings"] != []


def test_against_another_row_and_another_split(corpus):
    models = {"a": trained_on(corpus), "b": trained_on(corpus)}
    result = compare(models, corpus, split="validation", against="a")
    assert result["split"] == "validation"
    (difference,) = [each for each in result["differences"] if each["a"] == "b"]
    assert {each["b"] for each in result["differences"]} == {"a"}
    assert [difference[key] for key in ("bits_per_sample", "low", "high")] == [0, 0, 0], "paired: equal models"
    assert compare(models, corpus, against="flac")["differences"][0]["b"] == "FLAC"
    with pytest.raises(UserError, match="did you mean FLAC"):
        compare(models, corpus, against="FLACC")
    with pytest.raises(UserError, match="`against='Absent'`: cannot run here: the absent program is not here"):
        compare(models, corpus, against="absent")
    with pytest.raises(UserError, match="`against='true density'`: no such row"):
        compare(models, corpus, against="true density")


def test_the_name_that_a_baseline_had_is_taken(corpus, monkeypatch):
    assert set(comparison.EARLIER_NAMES.values()) < {baseline.name for baseline in baselines.BASELINES}
    monkeypatch.setitem(comparison.EARLIER_NAMES, "lossless", "flac")
    assert {row["name"] for row in compare({}, corpus, without=["Lossless"])["rows"]} == {"training histogram"}
    assert compare({}, corpus, against="lossless")["differences"][0]["b"] == "FLAC"


def test_a_baseline_can_be_left_out_and_is_named_as_missing(corpus):
    result = compare({"a": trained_on(corpus)}, corpus, without=["TRAINING histogram"])
    assert {row["name"] for row in result["rows"]} == {"a", "FLAC"}
    assert {"name": "training histogram", "why": "left out"} in result["missing"]
    with pytest.raises(UserError, match="`without='FLACC'`: no such baseline; did you mean FLAC"):
        compare({"a": trained_on(corpus)}, corpus, without=["FLACC"])
    with pytest.raises(UserError, match="`against='FLAC'`: cannot run here: left out"):
        compare({"a": trained_on(corpus)}, corpus, without=["flac"], against="FLAC")


def test_rows_are_held_against_the_best_baseline_that_there_is(corpus):
    models = {"a": trained_on(corpus), "b": trained_on(corpus)}
    result = compare(models, corpus, without=["flac"])
    assert [(each["a"], each["b"]) for each in result["differences"]] == [
        ("a", "training histogram"),
        ("b", "training histogram"),
    ]
    none = compare(models, corpus, without=["flac", "training histogram"])
    assert none["differences"] == []
    assert "paired over files" not in comparison_text(none)


def test_rows_are_held_against_another_baseline_where_flac_fails(corpus, monkeypatch):
    def fails(*_):
        raise UserError("no room")

    failing = Baseline("FLAC", without_training(fails))
    monkeypatch.setattr(comparison, "BASELINES", (failing, *comparison.BASELINES[1:]))
    result = compare({"a": trained_on(corpus)}, corpus)
    assert [each["b"] for each in result["differences"]] == ["training histogram"]


def test_a_baseline_that_fails_is_missing_and_the_models_are_compared(corpus, monkeypatch):
    def fail(pcm: np.ndarray, rate: int) -> float:
        raise UserError("old 0.1: does not know this option")

    old = Baseline("Old", without_training(fail))
    monkeypatch.setattr(comparison, "BASELINES", (Baseline("FLAC", without_training(flac_bits)), old))
    result = compare({"a": trained_on(corpus)}, corpus)
    assert {row["name"] for row in result["rows"]} == {"a", "FLAC"}
    assert result["missing"] == [{"name": "Old", "why": "old 0.1: does not know this option"}]
    against_it = compare({"a": trained_on(corpus)}, corpus, against="old")
    assert against_it["rows"] == result["rows"]
    assert against_it["differences"] == []


@pytest.fixture(scope="module")
def known(tmp_path_factory) -> Corpus:
    """A corpus of a source whose density is known."""
    folder = tmp_path_factory.mktemp("known")
    source = Steps()
    for index in range(40):
        audio_files.write(folder / f"{index}.wav", source.draw(900 + 20 * index, index), RATE)
    prepare(folder, folder / "corpus")
    return dataclasses.replace(open_corpus(folder / "corpus"), source=source)


def test_the_true_density_is_a_row_and_the_excess_over_it_a_divergence(known):
    result = compare({"a": trained_on(known)}, known)
    rows = {row["name"]: row for row in result["rows"]}
    truth = rows["true density"]
    assert (truth["kind"], truth["parameters"]) == ("truth", None)
    assert [truth[key] for key in ("bits_per_sample", "low", "high")] == pytest.approx([np.log2(7)] * 3, abs=1e-6)
    assert result["rows"][0] is truth, "nothing is below it"
    assert {(each["b"], each["meaning"]) for each in result["differences"]} == {("true density", "KL divergence")}
    assert {each["a"] for each in result["differences"]} == {"a", "FLAC", "training histogram"}
    beside = compare({"a": trained_on(known)}, known, against="FLAC")["differences"]
    assert [(each["b"], each["meaning"]) for each in beside] == [("FLAC", "difference")] * 3 + [
        ("true density", "KL divergence")
    ] * 3
    with pytest.raises(UserError, match="true density: another row has this name"):
        compare({"true density": trained_on(known)}, known)


def test_bits_per_symbol_are_those_of_the_symbols(corpus):
    """Of a model that codes mu-law symbols: −log2 P(symbol) directly, with the uniform share."""
    model = trained_on(corpus)
    result = compare({"a": model}, corpus)
    total = 0.0
    for recording in corpus.split("test"):
        pcm = torch.from_numpy(corpus.pcm(recording).astype(np.int64))[None]
        with torch.inference_mode():
            logits = model.params(pcm, model.initial_state(1))[0].double()
        symbols = model.encode(pcm)
        codes = model.codes_per_symbol
        p = torch.softmax(logits, -1).gather(-1, symbols[..., None])[..., 0]
        total -= float(torch.log2((1 - 2.0**-14) * p + 2.0**-14 * codes[symbols] / 65536).sum())
    row = next(row for row in result["rows"] if row["name"] == "a")
    assert row["bits_per_symbol"] == pytest.approx(total / result["samples"], abs=1e-4)
    assert row["num_symbols"] == 256
    assert row["bits_per_symbol"] is not None
    assert row["bits_per_symbol"] < row["bits_per_sample"] - 1
    others = [row for row in result["rows"] if row["kind"] == "baseline"]
    assert [(row["bits_per_symbol"], row["num_symbols"]) for row in others] == [(None, None)] * 2
    assert result["mu_law_corpus"] is False


def test_symbols_of_one_code_are_samples():
    codes = np.zeros(65536, np.int64)
    codes[[3, 60_000]] = 5, 2
    assert bits_per_symbol(Linear(bits=16), 70.0, codes) == pytest.approx(10)
    assert bits_per_symbol(Linear(bits=12), 70.0, codes) == pytest.approx(6)


def test_8_bit_mu_law_is_known_by_its_codes():
    def counted(values) -> np.ndarray:
        return np.bincount(np.asarray(values) + 32768, minlength=65536)

    levels = g711_codes()
    assert len(np.unique(levels)) == 255, "plus and minus zero are one"
    assert (levels.max(), levels.min()) == (32124, -32124)
    codec = MuLaw(bits=8)
    assert is_mu_law(counted(levels))
    assert is_mu_law(counted(codec.decode(np.arange(256))))
    assert is_mu_law(counted([0, 8, -8, 32124]))
    assert not is_mu_law(counted([*levels, 1]))
    assert not is_mu_law(counted(np.arange(-300, 300)))


def test_g711_is_what_libsndfile_decodes(tmp_path):
    """The header of an AU file, then every one of the 256 bytes: magic, header size, data size, mu-law, rate, mono."""
    header = struct.pack(">4sIIIII", b".snd", 24, 256, 1, RATE, 1)
    (tmp_path / "all.au").write_bytes(header + bytes(range(256)))
    pcm, _ = soundfile.read(tmp_path / "all.au", dtype="int16")
    assert set(pcm.tolist()) == set(g711_codes().tolist())


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
    with pytest.raises(UserError, match="another row has this name; name the model, as in MY-FLAC=MODEL"):
        compare({"FLAC": trained_on(corpus)}, corpus)


def test_an_empty_split_is_refused(tmp_path):
    audio_files.write(tmp_path / "one.wav", np.arange(2000, dtype=np.int16), RATE)
    prepare(tmp_path, tmp_path / "corpus")
    corpus = open_corpus(tmp_path / "corpus")
    (empty, *_) = [split for split in ("test", "validation", "train") if not corpus.split(split)]
    with pytest.raises(UserError, match=f"{empty} split is empty"):
        compare({}, corpus, split=empty)

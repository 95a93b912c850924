"""Each command as a user runs it: what --json prints, what is written, and how the program ends."""

import csv
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import workspace

from wavegen.audio import files as audio_files
from wavegen.cli.main import main
from wavegen.data.corpus import open_corpus
from wavegen.engine import native
from wavegen.evaluation.baselines import BASELINES
from wavegen.models import checkpoint
from wavegen.sampling.audio import generate

pytestmark = pytest.mark.usefixtures("in_the_folder")

KEYS = {
    "score": {"unit", "engine", "precision", "files", "bits_per_sample", "low", "high"},
    "compare": {"unit", "split", "files", "samples", "rows", "differences"},
    "generate": {"engine", "precision", "exact", "files", "samples_per_second", "real_time_factor"},
}
ROW = {"name", "kind", "bits_per_sample", "low", "high", "parameters", "macs_per_sample", "training_seconds"}


@pytest.fixture
def run(capsys):
    """Runs a command that must succeed; gives what it printed, as JSON if it was asked for."""

    def run(*argv):
        assert main([str(word) for word in argv]) == 0, capsys.readouterr().err
        out = capsys.readouterr().out
        return json.loads(out) if "--json" in argv else out

    return run


def test_prepare_and_info_of_a_corpus(run, tmp_path):
    audit = run("prepare", "source", tmp_path / "corpus", "--json")
    assert audit["files"] == 24
    assert audit["splits"]["test"]["files"] == len(open_corpus(tmp_path / "corpus").split("test"))
    about = run("info", tmp_path / "corpus", "--json")
    assert about["fingerprint"] == open_corpus("corpus").fingerprint
    assert about["files"] == 24
    assert "24 files" in run("info", tmp_path / "corpus")
    assert "24 files" in run("prepare", "source", tmp_path / "again")


def test_prepare_converts_and_splits_by_speaker(run, tmp_path):
    speakers = tmp_path / "source"
    for speaker in "abcdefghij":
        (speakers / speaker).mkdir(parents=True)
        audio_files.write(speakers / speaker / "x.wav", workspace.wander(2000, ord(speaker)), 8000)
    audit = run("prepare", speakers, tmp_path / "corpus", "--sample-rate", 4000, "--split-by", "speaker", "--json")
    assert (audit["sample_rate"], audit["resampled"]) == (4000, 10)


def test_train_and_info_of_a_model(run, tmp_path):
    result = run("train", "recipe.toml", "--run", tmp_path / "run", "--set", "network.hidden_size=3", "--json")
    assert result["model"] == str(tmp_path / "run" / "model.safetensors")
    assert result["steps"] == 3
    about = run("info", tmp_path / "run", "--json")
    assert about["network"] == {"name": "gru", "hidden_size": 3, "num_layers": 1}
    assert about["corpus_fingerprint"] == open_corpus("corpus").fingerprint
    assert about["parameters"] > 0
    assert "network.hidden_size" in run("info", tmp_path / "run")
    again = run(
        "train", "recipe.toml", "--run", tmp_path / "run", "--set", "network.hidden_size=3", "--resume", "--json"
    )
    assert again["weights_hash"] == result["weights_hash"]


def test_train_takes_the_corpus_beside_the_recipe_from_anywhere(run, furnished, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("train", furnished / "recipe.toml", "--json")["run"] == os.path.join("runs", "recipe")
    assert (tmp_path / "runs" / "recipe" / "model.safetensors").is_file()


@pytest.mark.parametrize("model", ["wavenet", "gru", "gru/model.safetensors"])
def test_what_generate_prints_score_confirms(run, model, tmp_path):
    made = run("generate", model, tmp_path / "o.wav", "-n", 3, "--seed", 5, "--seconds", 0.05, "--json")
    assert KEYS["generate"] <= set(made)
    assert [file["file"] for file in made["files"]] == [str(tmp_path / f"o-{index}.wav") for index in range(3)]
    assert [file["seed"] for file in made["files"]] == [5, 6, 7]
    assert all(file["samples"] == 400 for file in made["files"])
    assert made["samples_per_second"] / 8000 == pytest.approx(made["real_time_factor"], rel=1e-2)
    scored = run("score", model, *(file["file"] for file in made["files"]), "--json")
    assert KEYS["score"] <= set(scored)
    assert scored["engine"] == made["engine"]
    for one, other in zip(made["files"], scored["files"], strict=True):
        assert one["bits_per_sample"] == pytest.approx(other["bits_per_sample"], abs=1e-6)
    run("generate", model, tmp_path / "alone.wav", "--seed", 6, "--seconds", 0.05)
    assert (tmp_path / "alone.wav").read_bytes() == (tmp_path / "o-1.wav").read_bytes()


def test_exact_draws_are_asked_for(run, tmp_path):
    for argv, exact in (([], False), (["--exact"], True)):
        made = run("generate", "gru", tmp_path / f"{exact}.wav", "--seconds", 0.2, "--seed", 3, "--json", *argv)
        assert made["exact"] is exact
        (draw,) = generate(checkpoint.load("gru"), 1600, seeds=[3], exact=exact).draws
        np.testing.assert_array_equal(audio_files.read(tmp_path / f"{exact}.wav").pcm, draw.pcm)


@pytest.mark.skipif(native.missing() is not None, reason="the C++ engine is not installed")
def test_auto_is_the_cpu_engine_where_it_runs_and_threads_change_nothing(run, tmp_path):
    for threads in (1, 2):
        made = run("generate", "wavenet", tmp_path / f"{threads}.wav", "--threads", threads, "--seconds", 0.1, "--json")
        assert made["engine"] == "cpu"
    assert (tmp_path / "1.wav").read_bytes() == (tmp_path / "2.wav").read_bytes()
    assert run("generate", "gru", tmp_path / "gru.wav", "--seconds", 0.01, "--json")["engine"] == "cpu"
    assert run("score", "wavenet", "a.wav", "--engine", "torch", "--json")["engine"] == "torch"


def test_generate_goes_on_from_a_prime(run, tmp_path):
    made = run("generate", "gru", tmp_path / "o.wav", "--prime", "a.wav", "--seconds", 0.02, "--json")
    assert (made["files"][0]["samples"], made["primed_samples"]) == (1060, 900)
    written = audio_files.read(tmp_path / "o.wav").pcm
    np.testing.assert_array_equal(written[:900], audio_files.read("a.wav").pcm)
    converted = run(
        "generate", "gru", tmp_path / "c.wav", "--prime", "16k.wav", "--resample", "--seconds", 0.02, "--json"
    )
    assert converted["primed_samples"] == 800


def test_score_of_files_folder_and_corpus(run):
    assert [file["samples"] for file in run("score", "gru", "a.wav", "b.wav", "--json")["files"]] == [900, 1700]
    assert len(run("score", "gru", "source", "--json")["files"]) == 24
    held_out = {recording.id for recording in open_corpus("corpus").split("test")}
    assert {file["file"] for file in run("score", "gru", "corpus", "--json")["files"]} == held_out
    assert run("score", "gru", "16k.wav", "--resample", "--json")["samples"] == 800
    assert "a.wav" in run("score", "gru", "a.wav", "--window", 0.05)


def test_score_draws(run, tmp_path):
    result = run("score", "gru", "a.wav", "--plot", tmp_path / "a.png", "--window", 0.01, "--json")
    assert len(result["files"][0]["surprisal"]) == 12
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_score_writes_windows_as_csv(run, tmp_path):
    result = run("score", "gru", "a.wav", "b.wav", "--csv", tmp_path / "w.csv", "--json")
    with open(tmp_path / "w.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == ["a.wav"] * 3 + ["b.wav"] * 5
    assert [float(row["start_seconds"]) for row in rows[:3]] == [0.0, 0.05, 0.1]
    expected = [value for file in result["files"] for value in file["surprisal_above_flac"]]
    assert [float(row["above_flac"]) for row in rows] == expected
    odd = shutil.copy("a.wav", tmp_path / os.fsdecode(b"not text \xff.wav"))
    run("score", "gru", odd, "--csv", tmp_path / "w.csv", "--window", 0.01, "--force")
    lines = (tmp_path / "w.csv").read_bytes().splitlines()
    assert len(lines) == 13
    assert b"not text \xff.wav,0.01," in lines[2], "the very name"


def test_generate_of_the_likeliest_symbols(run, tmp_path):
    for name, options in {"a": [], "b": ["--top-p", 1], "c": ["--top-p", 0.001]}.items():
        run("generate", "gru", tmp_path / f"{name}.wav", "--seconds", 0.01, "--seed", 3, *options)
    a, b, c = (audio_files.read(tmp_path / f"{name}.wav").pcm for name in "abc")
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()
    run("generate", "gru", tmp_path / "d.wav", "--seconds", 0.01, "--seed", 4, "--top-p", 0.001)
    np.testing.assert_array_equal(c, audio_files.read(tmp_path / "d.wav").pcm, "one symbol left: no chance")


def test_compare(run, tmp_path):
    result = run(
        "compare", "gru", "wavenet/model.safetensors", "--corpus", "corpus", "--html", tmp_path / "c.html", "--json"
    )
    assert KEYS["compare"] <= set(result)
    names = {row["name"] for row in result["rows"]}
    missing = {each["name"] for each in result["missing"]}
    assert names | missing == {"gru", "wavenet", *(baseline.name for baseline in BASELINES)}, "none is silently absent"
    assert all(set(row) >= ROW for row in result["rows"])
    assert {(each["a"], each["b"]) for each in result["differences"]} == {(name, "FLAC") for name in names - {"FLAC"}}
    page = (tmp_path / "c.html").read_text(encoding="utf-8")
    assert "training histogram" in page
    assert "<audio" in page
    assert "Bits over training time" not in page, "no run lies beside these models"


def test_compress_and_decompress(run, tmp_path):
    result = run("compress", "gru", "a.wav", "b.wav", tmp_path, "--threads", 1, "--json")
    assert [Path(file["file"]).name for file in result["files"]] == ["a.wgn", "b.wgn"]
    for file in result["files"]:
        assert file["bytes"] == Path(file["file"]).stat().st_size
        assert file["bits_per_sample"] == pytest.approx(8 * file["bytes"] / file["samples"], abs=1e-6)
    scored = run("score", "gru", "a.wav", "b.wav", "--json")
    assert result["model_bits_per_sample"] == pytest.approx(scored["bits_per_sample"], abs=2e-6)
    text = run("decompress", "gru", tmp_path / "a.wgn", tmp_path / "back.wav")
    assert f"{Path('a.wav').stat().st_size:,} bytes" in text
    run("decompress", "gru", tmp_path / "b.wgn", tmp_path, "--json")
    assert (tmp_path / "back.wav").read_bytes() == Path("a.wav").read_bytes()
    assert (tmp_path / "b.wav").read_bytes() == Path("b.wav").read_bytes()
    text = run("compress", "gru", "a.wav", tmp_path / "8.wgn", "--precision", "int8")
    assert "the model's claim" in text
    assert "precision int8" in text
    run("decompress", "gru", tmp_path / "8.wgn", tmp_path / "8.wav")
    assert "16000 Hz" in run("compress", "gru", "16k.wav", tmp_path / "16k.wgn", "--json")["warnings"][0]
    assert (tmp_path / "8.wav").read_bytes() == Path("a.wav").read_bytes()


def test_compare_proves_what_models_claim(run):
    result = run("compare", "gru", "--corpus", "corpus", "--proof", "--json")
    for row in result["rows"]:
        if row["name"] == "gru":
            assert row["bits_per_sample"] < row["compressed_bits_per_sample"]
            slack = 64 * 8 * result["files"] / result["samples"]
            assert row["compressed_bits_per_sample"] < 1.001 * row["bits_per_sample"] + slack
        else:
            assert row["compressed_bits_per_sample"] is None
    assert "compressed" in run("compare", "gru", "--corpus", "corpus", "--proof")
    assert "compressed" not in run("compare", "gru", "--corpus", "corpus")


def test_compare_shows_how_runs_trained_and_names_rows_as_asked(run, tmp_path):
    shutil.copytree("gru", tmp_path / "gru")
    (tmp_path / "gru" / "metrics.jsonl").write_text('{"step": 1, "seconds": 2.0, "validation_bits": 9.25}\n')
    text = run("compare", f"A={tmp_path / 'gru'}", "gru", "--corpus", "corpus", "--against", "a", "--split",
               "validation", "--html", tmp_path / "c.html", "--bits-per-symbol")  # fmt: skip
    assert "less A, paired" in text
    assert "of 256" in text
    assert "validation split" in text
    assert "9.250 A</text>" in (tmp_path / "c.html").read_text(encoding="utf-8")


def test_equal_names_are_told_apart(run, tmp_path):
    copied = tmp_path / "gru" / "model.safetensors"
    copied.parent.mkdir()
    copied.write_bytes(Path("gru/model.safetensors").read_bytes())
    rows = run("compare", "gru", copied, "--corpus", "corpus", "--json")["rows"]
    assert {row["name"] for row in rows if row["kind"] == "model"} == {"gru", str(copied)}
    rows = run("compare", "gru/model.safetensors", f"gru={copied}", "--corpus", "corpus", "--json")["rows"]
    names = {row["name"] for row in rows if row["kind"] == "model"}
    assert names == {"gru", str(Path("gru/model.safetensors"))}, "a name that was given stays"


@pytest.mark.skipif(native.missing() is not None, reason="the C++ engine is not installed")
@pytest.mark.filterwarnings("ignore")
def test_bench_measures_a_trained_model_and_draws_it(run, tmp_path, monkeypatch):
    monkeypatch.setattr("wavegen.benchmarking.TURN_SECONDS", 0.004)
    result = run("bench", "wavenet", "--rounds", 2, "--plot", tmp_path / "o.png", "--json")
    assert {"machine", "rows", "ratios"} <= set(result)
    assert {"engine", "precision", "threads", "streams", "samples_per_second"} <= set(result["rows"][0])
    assert result["parameters"] == run("info", "wavenet", "--json")["parameters"]
    assert (tmp_path / "o.png").read_bytes().startswith(b"\x89PNG")
    text = run("bench", "gru", "--rounds", 1)
    assert "x real time" in text
    assert "PyTorch loop: runs WaveNets" in text


@pytest.mark.skipif(native.missing() is not None, reason="the C++ engine is not installed")
def test_quantize_makes_a_model_that_generates(run, tmp_path):
    small = tmp_path / "small.safetensors"
    result = run("quantize", "gru", small, "--corpus", "corpus", "--precision", "bfloat16", "--json")
    assert result["precision"] == "bfloat16"
    assert run("generate", small, tmp_path / "o.wav", "--seconds", 0.01, "--json")["precision"] == "bfloat16"
    assert run("info", small, "--json")["precision"] == "bfloat16"


@pytest.mark.parametrize(
    ("given", "spins"), [({}, "3000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, None)]
)
def test_waiting_threads_sleep_soon_unless_the_user_says_otherwise(given, spins, run):
    with pytest.MonkeyPatch.context() as patch:
        others = {
            name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
        }
        patch.setattr(os, "environ", {**others, **given})
        run("info", "--json")
        assert os.environ.get("GOMP_SPINCOUNT") == spins

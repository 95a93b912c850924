"""Models, corpora, `.wgn` files and run folders of earlier versions open, score, decompress and resume as before."""

import json
import shutil
from pathlib import Path

import pytest

from wavegen.cli.main import main

FILES = Path(__file__).parent / "fixtures/older_files"
BITS = {  # bits per sample of corpus's test split, as commit f31bcdf scored it
    "wavenet.safetensors": 11.685092,
    "gru": 7.937233,
    "gru-int8.safetensors": 7.937245,
    "lstm.safetensors": 10.825254,
    "markov.safetensors": 10.578365,
    "nade.safetensors": 10.667919,
}
NATS = {"pixelcnn": 417.517523, "row-lstm.safetensors": 467.801145}  # of pictures
RESUMED = {"gru": ("corpus", 7.939198943), "pixelcnn": ("pictures", 0.736922959)}  # validation bits after 12 steps
COMPRESSED = {
    "wavenet.wgn": ("wavenet.safetensors", "3.wav"),
    "gru.wgn": ("gru", "3.wav"),
    "gru-int8.wgn": ("gru-int8.safetensors", "3.wav"),
    "lstm.wgn": ("lstm.safetensors", "3.wav"),
    "markov.wgn": ("markov.safetensors", "3.wav"),
    "stereo.wgn": ("gru", "stereo.wav"),
}


@pytest.fixture
def older(tmp_path, monkeypatch):
    """A copy of the files, in which commands run."""
    shutil.copytree(FILES, tmp_path / "files")
    monkeypatch.chdir(tmp_path / "files")


@pytest.mark.usefixtures("older")
@pytest.mark.parametrize("model", BITS)
def test_a_model_scores_a_corpus(model, capsys):
    assert main(["score", model, "corpus", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bits_per_sample"] == pytest.approx(BITS[model], abs=2e-6)


@pytest.mark.usefixtures("older")
@pytest.mark.parametrize("model", NATS)
def test_a_model_scores_pictures(model, capsys):
    assert main(["score", model, "pictures", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["nats"] == pytest.approx(NATS[model], abs=2e-4)


@pytest.mark.usefixtures("older")
@pytest.mark.parametrize("compressed", COMPRESSED)
def test_a_file_decompresses(compressed):
    model, original = COMPRESSED[compressed]
    assert main(["decompress", model, compressed, "back.wav"]) == 0
    assert Path("back.wav").read_bytes() == Path(original).read_bytes()


@pytest.mark.usefixtures("older")
@pytest.mark.parametrize("compressed", COMPRESSED)
def test_a_file_compresses_to_the_same_bytes(compressed):
    model, original = COMPRESSED[compressed]
    assert main(["compress", model, original, "again.wgn"]) == 0
    assert Path("again.wgn").read_bytes() == Path(compressed).read_bytes()


@pytest.mark.usefixtures("older")
@pytest.mark.parametrize("run", RESUMED)
def test_a_run_goes_on(run, capsys):
    corpus, bits = RESUMED[run]
    options = ["--corpus", corpus, "--run", run, "--resume", "--set", "training.steps=12", "--json"]
    assert main(["train", f"{run}/recipe.toml", *options]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["steps"] == 12
    assert result["validation_bits"] == pytest.approx(bits, abs=1e-3)

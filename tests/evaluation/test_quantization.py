"""Quantizing measures on validation files what rounding costs, refuses what costs too much, and keeps its word."""

import numpy as np
import pytest
import workspace

from wavegen.data.corpus import open_corpus
from wavegen.engine import native
from wavegen.errors import UserError
from wavegen.evaluation import quantization
from wavegen.evaluation.audio import score
from wavegen.evaluation.comparison import compare
from wavegen.evaluation.quantization import quantize
from wavegen.models import checkpoint

pytestmark = pytest.mark.skipif(native.missing() is not None, reason="the C++ engine is not installed")


@pytest.fixture(scope="module")
def furnished_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quantize")
    workspace.furnish(folder)
    return folder


def test_the_file_runs_as_it_was_measured(furnished_folder, tmp_path):
    model = checkpoint.load(furnished_folder / "gru")
    corpus = open_corpus(furnished_folder / "corpus")
    result = quantize(model, corpus, tmp_path / "small.safetensors", precision="int8", max_cost=0.05)
    small = checkpoint.load(tmp_path / "small.safetensors")
    assert small.metadata["precision"] == "int8"
    assert small.metadata["precision_cost"] == pytest.approx(result["cost"]["bits_per_sample"], abs=1e-6)
    assert result["cost"]["bits_per_sample"] != 0
    rows = {
        row["name"]: row["bits_per_sample"]
        for row in compare({"small": small, "whole": model}, corpus, split="validation")["rows"]
    }
    assert "int8" in result
    assert list(result)[-3:] == ["float32", "int8", "cost"]
    assert rows["small"] == pytest.approx(result["int8"]["bits_per_sample"], abs=2e-6)
    assert rows["whole"] == pytest.approx(result["float32"]["bits_per_sample"], abs=1e-4)
    files = furnished_folder / "a.wav"
    assert score(small, files)["precision"] == "int8"
    assert score(small, files)["bits_per_sample"] == score(model, files, precision="int8")["bits_per_sample"]
    assert score(small, files, precision="float32")["bits_per_sample"] == score(model, files)["bits_per_sample"]


def test_what_costs_too_much_is_refused_unless_allowed(furnished_folder, tmp_path, monkeypatch):
    model = checkpoint.load(furnished_folder / "gru")
    corpus = open_corpus(furnished_folder / "corpus")
    bits = iter([np.full(100, 900.0), np.full(100, 1000.0)] * 2)
    files = corpus.split("validation")
    monkeypatch.setattr("wavegen.evaluation.quantization.bits_of_takes", lambda *_, **__: next(bits)[: len(files)])
    cost = 100 * len(files) / sum(file.samples for file in files)
    with pytest.raises(UserError, match=rf"bfloat16 would cost {cost:.4f} bits per sample .* give `max_cost="):
        quantize(model, corpus, tmp_path / "small.safetensors", precision="bfloat16", max_cost=cost * 0.99)
    assert not list(tmp_path.iterdir())
    quantize(model, corpus, tmp_path / "small.safetensors", precision="bfloat16", max_cost=cost * 1.01)
    assert checkpoint.load(tmp_path / "small.safetensors").metadata["precision"] == "bfloat16"


def test_another_corpus_is_refused(furnished_folder, tmp_path):
    model = checkpoint.load(furnished_folder / "gru")
    model.metadata["corpus_fingerprint"] = "0" * 16
    with pytest.raises(UserError, match="not the corpus of this model"):
        quantize(
            model,
            open_corpus(furnished_folder / "corpus"),
            tmp_path / "small.safetensors",
            precision="int8",
            max_cost=1.0,
        )


@pytest.mark.parametrize(
    ("value", "text"), [(0.1234, "0.13"), (0.103, "0.11"), (1.234, "1.3"), (0.05, "0.05"), (12.1, "13")]
)
def test_the_advice_is_enough(value, text):
    assert quantization._rounded_up(value) == text
    assert float(text) >= value

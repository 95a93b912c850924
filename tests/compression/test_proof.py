"""The recipe that proves what a model claims: one small run of it, and what it does when a file comes back changed."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import workspace

from wavegen.audio import files as audio_files
from wavegen.data.corpus import open_corpus
from wavegen.engine import native

pytestmark = pytest.mark.skipif(native.missing() is not None, reason="the extension is not built")
ASTERISK = Path(__file__).parents[2] / "recipes/asterisk"


@pytest.fixture
def proof(tmp_path, monkeypatch):
    """The script, in a folder with a corpus, a model and the other sounds, two of each and one without samples."""
    monkeypatch.syspath_prepend(ASTERISK)
    spec = importlib.util.spec_from_file_location("proof", ASTERISK / "proof.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    workspace.furnish(tmp_path)
    for place, name in enumerate(module.OTHERS):
        (tmp_path / "others" / name).mkdir(parents=True)
        audio_files.write(tmp_path / "others" / name / "none.wav", np.zeros(0, np.int16), 8000)
        for index in range(2):
            audio_files.write(
                tmp_path / "others" / name / f"{index}.wav", workspace.wander(400, 10 * place + index), 8000
            )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["proof.py", "gru", "corpus", "source", "others"])
    return module


def test_the_recipe_from_end_to_end(proof, monkeypatch, capsys):
    assert proof.main() == 0
    assert "the model's claim" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--json"])
    assert proof.main() == 0
    first, *others = json.loads(capsys.readouterr().out)["rows"]
    assert (first["set"], first["files"]) == ("test split", len(open_corpus("corpus").split("test")))
    assert [row["set"] for row in others] == list(proof.OTHERS)
    for row in (first, *others):
        assert row["files"] == 2 or row is first
        assert row["bits_per_sample"] == pytest.approx(8 * row["bytes"] / row["samples"], abs=1e-6)
        slack = row["files"] * 64 * 8 / row["samples"]
        assert row["model_bits_per_sample"] < row["bits_per_sample"] < 1.001 * row["model_bits_per_sample"] + slack
        assert 0 < row["FLAC"] < 16


def test_a_file_that_comes_back_changed_is_an_error(proof, monkeypatch):
    def change(model, paths, **how):
        for _, out in paths:
            Path(out).write_bytes(b"something else")

    monkeypatch.setattr(proof, "decompress", change)
    with pytest.raises(RuntimeError, match="did not come back as it was"):
        proof.main()


def test_sounds_that_are_elsewhere_are_one_line(proof, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["proof.py", "gru", "corpus", "others", "others"])
    assert proof.main() == 2
    assert "give the folder that corpus was prepared from" in capsys.readouterr().err

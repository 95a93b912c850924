"""The scripts of recipes/ that are no shell scripts: each does on small data what its first lines say."""

import json
import re
import sys
from pathlib import Path
from types import ModuleType

import failing_libraries
import numpy as np
import pytest
import torch
from recipe_commands import script

from wavegen import load_recipe
from wavegen.assets import speech
from wavegen.audio import files as audio_files
from wavegen.cli.main import main
from wavegen.system.optional import TORCHAUDIO


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    """Runs a script's main with arguments in an empty folder and gives what it prints."""
    monkeypatch.chdir(tmp_path)

    def call(module: ModuleType, *arguments: str) -> str:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["script", *arguments])
        module.main()
        return capsys.readouterr().out

    before = torch.get_num_threads()
    yield call
    torch.set_num_threads(before)


def test_what_was_heard_gets_below_the_truth_and_other_recordings_do_not(call, monkeypatch):
    module = script("sources/overfitting.py")
    assert main(["prepare", "source:ar2", "ar2"]) == 0
    hasty = ["training.steps=80", "training.window=256"]
    monkeypatch.setattr(module, "load_recipe", lambda path: load_recipe(path, hasty))
    monkeypatch.setattr(module, "EVERY", 80)
    told = call(module, "ar2", "0.2", "--plot", "over.png")
    rows = [[float(word) for word in line.split()] for line in told.splitlines()[1:]]
    assert [row[0] for row in rows] == [80]
    assert rows[0][1] < 0 < rows[0][2], "below the truth where the noise was learned by heart, above it elsewhere"
    assert Path("over.png").read_bytes().startswith(b"\x89PNG")


def test_a_corpus_of_unknown_density_is_refused(call):
    audio_files.write("a.wav", np.arange(900, dtype=np.int16), 8000)
    assert main(["prepare", "a.wav", "corpus"]) == 0
    with pytest.raises(SystemExit, match="not a corpus of known density"):
        call(script("sources/overfitting.py"), "corpus")


TINY = '[density]\nname = "pictures"\n[network]\nname = "nade"\nhidden_size = 16\n[training]\nsteps = 40\nthreads = 1\n'


def digits_features() -> None:
    Path("tiny.toml").write_text(TINY)
    assert main(["prepare", "digits", "digits"]) == 0
    assert main(["train", "tiny.toml", "--corpus", "digits", "--run", "run"]) == 0
    assert main(["features", "run", "digits", "nade.npz"]) == 0


def accuracies(told: str) -> list[float]:
    return [float(found) for found in re.findall(r"numbers, (\d+\.\d+)%", told)]


def test_a_probe_tells_digits_by_pixels_and_by_features(call):
    digits_features()
    told = call(script("probe.py"), "digits", "nade.npz", "--of", "transcript")
    assert told.startswith("10 classes")
    assert re.search(r"^raw pixels: 64 numbers, .*\]$", told, re.MULTILINE)
    assert re.search(r"^nade.npz: 16 numbers, .*\]$", told, re.MULTILINE)
    pixels, features = accuracies(told)
    assert pixels > 85
    assert features > 30, "far above one in ten"


def test_a_probe_of_labels_that_mean_nothing_tells_nothing(call):
    digits_features()
    with np.load("nade.npz") as file:
        arrays = dict(file)
    arrays["transcript"] = np.random.default_rng(0).permutation(arrays["transcript"])
    np.savez("mixed.npz", **arrays)
    assert max(accuracies(call(script("probe.py"), "digits", "mixed.npz", "--of", "transcript"))) < 25


@pytest.mark.parametrize(("rate", "size"), [(8000, 256), (22050, 512)])
def test_the_probes_mel_bands_are_torchaudios(rate, size):
    module = script("probe.py")
    bank = module.mel_bands(rate, size)
    assert bank.shape == (module.MELS, size // 2 + 1)
    functional = failing_libraries.importable(TORCHAUDIO, "torchaudio.functional")
    theirs = functional.melscale_fbanks(size // 2 + 1, 0.0, rate / 2, module.MELS, rate)
    torch.testing.assert_close(bank.T, theirs, atol=1e-5, rtol=0)


def test_a_probe_tells_speakers_by_log_mels(call):
    random = np.random.default_rng(0)
    for speaker, pitch in (("low", 0.1), ("high", 0.9)):
        Path("speech", speaker).mkdir(parents=True)
        for number in range(40):
            tone = 4000 * np.sin(pitch * np.arange(3000)) + random.normal(0, 300, 3000)
            audio_files.write(f"speech/{speaker}/{number}.wav", tone.astype(np.int16), 8000)
    Path("tiny.toml").write_text('[network]\nname = "gru"\nhidden_size = 4\n[training]\nsteps = 2\nthreads = 1\n')
    assert main(["prepare", "speech", "corpus"]) == 0
    assert main(["train", "tiny.toml", "--corpus", "corpus", "--run", "run"]) == 0
    assert main(["features", "run", "corpus", "gru.npz", "--window", "0.2"]) == 0
    told = call(script("probe.py"), "corpus", "gru.npz", "--window", "0.2")
    assert told.startswith("2 classes")
    assert accuracies(told)[0] == 100
    assert "drawn as" not in told
    for speaker, pitches in (("low", [0.1, 0.11, 0.9]), ("high", [0.9])):
        Path("drawn", speaker).mkdir(parents=True)
        for number, pitch in enumerate(pitches):
            tone = 4000 * np.sin(pitch * np.arange(2500)) + random.normal(0, 300, 2500)
            audio_files.write(f"drawn/{speaker}/{number}.wav", tone.astype(np.int16), 8000)
    assert main(["prepare", "drawn", "drawn-corpus"]) == 0
    whole = call(script("probe.py"), "corpus", "--drawn", "drawn-corpus")
    assert "2 classes" in whole
    assert "drawn as high: 100% of 1 recordings" in whole
    told = call(script("probe.py"), "corpus", "gru.npz", "--window", "0.2", "--drawn", "drawn-corpus")
    lines = [
        "drawn as high: 100% of 1 recordings",
        "drawn as low: 67% of 3 recordings",
        "drawn as any: 75.0% of 4 recordings",
    ]
    assert told.splitlines()[-3:] == lines
    assert main(["features", "run", "corpus", "whole.npz"]) == 0
    with pytest.raises(SystemExit, match="make it again with the same window"):
        call(script("probe.py"), "corpus", "gru.npz", "whole.npz")


def test_costs_have_a_row_for_each_recipe(call):
    Path("tiny.toml").write_text(TINY)
    assert main(["prepare", "digits", "digits"]) == 0
    told = call(script("costs.py"), "digits", "tiny.toml").splitlines()
    assert len(told) == 3
    name, parameters, *rates = [cell.strip() for cell in told[2].strip("|").split("|")]
    assert name == "tiny"
    assert int(parameters.replace(",", "")) == 63 * 16 + 16 + 64 * 17 * 16 + 64 * 17
    assert all(float(rate.replace(",", "")) > 0 for rate in rates)


VOCODER = """
[codec]
name = "linear"
[distribution]
name = "mixture-of-logistics"
num_mixtures = 2
[conditioning]
mel = "parallel-wavegan"
hop = 80
n_fft = 512
win_length = 512
bands = 40
fmin = 50
fmax = 4000
channels = 8
[network]
name = "markov"
order = 8
hidden_sizes = [8]
[training]
steps = 2
"""


def test_rows_of_a_vocoder_and_its_rivals(call, tmp_path):
    for library in ("pesq", "pystoi", "pkg_resources", "pyworld"):
        pytest.importorskip(library, reason=f"{library} is not installed: it is for this recipe alone")
    (tmp_path / "tiny.toml").write_text(VOCODER)
    assert main(["prepare", str(speech.folder()), "corpus"]) == 0
    assert main(["train", "tiny.toml", "--corpus", "corpus", "--run", "run"]) == 0
    options = ["--files", "2", "--temperatures", "1", "0.5", "--json", "table.json", "--sounds", "sounds"]
    told = call(script("copy_synthesis.py"), "run", "corpus", *options)
    report = json.loads((tmp_path / "table.json").read_text())
    rows = {
        name: {column: cell[0] for column, cell in row.items() if isinstance(cell, list)}
        for name, row in report.items()
        if isinstance(row, dict)
    }
    assert report["files"] == 2
    assert [re.split("  +", line)[0] for line in told.splitlines()[2:]] == list(rows)
    assert list(rows)[-2:] == ["model, int8, temperature 1", "model, float32, temperature 0.5"]
    assert len(list((tmp_path / "sounds").iterdir())) == len(rows)
    original, world, griffin_lim, ours = (rows[name] for name in list(rows)[:4])
    assert 3.8 < original["PESQ"] <= 4.55
    assert original["F0"] < 50
    for rival in (world, griffin_lim):
        assert ours["STOI"] < 0.5 < 0.8 < rival["STOI"] < original["STOI"] <= 1
        assert ours["mel"] > 2 * rival["mel"]
        assert 1 <= ours["PESQ"] < rival["PESQ"] < original["PESQ"]
    assert world["voicing"] < 0.3

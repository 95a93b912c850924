"""The quickstart on a few short recordings: what it leaves, that it goes on where it stopped, and what it refuses."""

import json
import os
import re
import shlex

import numpy as np
import pytest
import workspace

import wavegen
from wavegen import quickstart
from wavegen.assets import speech
from wavegen.audio import files as audio_files
from wavegen.cli.main import main
from wavegen.errors import UserError
from wavegen.evaluation.baselines import BASELINES
from wavegen.quickstart import sounds
from wavegen.training.recipe import load_recipe

MINUTES = "0.02"
AGAIN = ("real", "vocoded", "griffin-lim")
SMALL = {
    "wavenet": "residual_channels = 6\ngate_channels = 8\nskip_channels = 8\ndilations = [1, 2, 4]",
    "gru": "hidden_size = 5",
    "nade": "frame_size = 4\nhidden_size = 6",
}
TRAINING = "[training]\nminutes = 1\nbatch_size = 2\nwindow = 64\nthreads = 1\n"


@pytest.fixture
def embedded(tmp_path, monkeypatch):
    """Recordings and recipes in place of the embedded ones, which would take longer."""
    source = tmp_path / "embedded"
    source.mkdir()
    for index in range(24):
        audio_files.write(source / f"{index}.wav", workspace.wander(1500 + 50 * index, index), 8000)
    for name, network in SMALL.items():
        (tmp_path / f"{name}.toml").write_text(f'[network]\nname = "{name}"\n{network}\n{TRAINING}')
    monkeypatch.setattr(quickstart, "RECIPES", tmp_path)
    monkeypatch.setattr(speech, "folder", lambda: source)
    monkeypatch.setattr(sounds, "SECONDS", {"cpu": 0.1, "torch": 0.02})
    monkeypatch.setattr(sounds, "PRIME_SECONDS", 0.05)
    monkeypatch.chdir(tmp_path)


def test_what_it_leaves(embedded, tmp_path, capsys):
    assert main(["quickstart", "--minutes", MINUTES, "--json"]) == 0
    out, err = capsys.readouterr()
    result = json.loads(out)
    folder = tmp_path / "quickstart"
    assert [line.split(":")[0] for line in err.splitlines() if line.startswith("step")] == [
        f"step {step} of 8" for step in range(1, 9)
    ]
    assert all(re.search(r"\(about .* left\)", line) for line in err.splitlines() if line.startswith("step"))
    table = json.loads((folder / "table.json").read_text())
    assert table == result["table"]
    models = {"wavenet", "gru", "nade", "allison, bundled"}
    rows = {row["name"] for row in table["rows"]} | {row["name"] for row in table["missing"]}
    assert rows == models | {baseline.name for baseline in BASELINES}
    trained = [f"quickstart/{name}" for name in ("wavenet", "gru", "nade")]
    assert main(["compare", *trained, "allison, bundled=allison", "--corpus", "quickstart/corpus", "--json"]) == 0
    compared = json.loads(capsys.readouterr().out)
    assert {**compared, "seconds": 0} == {**table, "seconds": 0}, "table.json is what compare prints"
    for recording in result["recordings"]:
        assert len(audio_files.read(recording).pcm)
        assert os.path.exists(recording.replace(".wav", ".png"))
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count("<audio") == page.count("<img") == len(result["recordings"]) == 7
    real, vocoded, by_griffin_lim = (audio_files.read(folder / f"{name}.wav").pcm for name in AGAIN)
    spoken = wavegen.vocode(wavegen.load("allison-vocoder"), folder / "real.wav").spoken[0]
    assert spoken.draw is not None
    assert np.array_equal(vocoded, spoken.draw.pcm), "what vocode says of the file"
    assert len(by_griffin_lim) == len(real) == len(vocoded)
    assert not np.array_equal(by_griffin_lim, vocoded)
    assert not [name for name in os.listdir(folder) if name.startswith(".")]

    assert main(["quickstart", "--minutes", MINUTES]) == 2
    assert "holds a finished quickstart" in capsys.readouterr().err


def test_an_interrupted_one_goes_on(embedded, tmp_path, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    compare = quickstart.compare
    monkeypatch.setattr(quickstart, "compare", interrupted)
    assert main(["quickstart", "--out", "q 1", "--minutes", MINUTES]) == 130
    trained = (tmp_path / "q 1" / "gru" / "model.safetensors").read_bytes()
    monkeypatch.setattr(quickstart, "compare", compare)
    capsys.readouterr()
    assert main(["quickstart", "--out", "q 1"]) == 0
    out, err = capsys.readouterr()
    assert "going on with the quickstart of 0.02 minutes" in err
    assert (tmp_path / "q 1" / "gru" / "model.safetensors").read_bytes() == trained
    commands = [shlex.split(line) for line in out.splitlines() if line.startswith("  wavegen ")]
    assert [command[1] for command in commands] == ["generate", "generate", "score", "train"]
    for command in commands[:3]:
        assert main(command[1:]) == 0, "what it names to try next works as it stands"
    assert commands[3][-1] == "training.minutes=60"
    assert main([*commands[3][1:-1], "training.steps=1"]) == 0


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="no quickstart's folder"):
        quickstart.quickstart(tmp_path, 1)
    assert os.listdir(tmp_path) == ["mine.txt"]
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "quickstart.json").write_text("{}")
    with pytest.raises(UserError, match="damaged"):
        quickstart.quickstart(tmp_path / "damaged", 1)


@pytest.mark.parametrize("name", quickstart.MODELS)
def test_the_recipes_are_read(name):
    recipe = load_recipe(quickstart.RECIPES / f"{name}.toml")
    assert recipe.model["network"]["name"] == name
    assert recipe.corpus.sample_rate == 8000


@pytest.mark.parametrize("minutes", [0.01, 1, 8, 60])
def test_the_minutes_are_shared(minutes):
    each = quickstart.training_minutes(minutes)
    assert 0 < 3 * each < minutes
    assert minutes < 8 or 3 * each > 0.65 * minutes


@pytest.mark.parametrize("minutes", [1e-9, 1e-4, 0.01, 1e6])
def test_the_minutes_are_those_of_a_recipe(minutes):
    """Others would be told only after `minutes` are kept in the folder, which could then never be gone on with."""
    each = quickstart.training_minutes(minutes)
    recipe = load_recipe(quickstart.RECIPES / "gru.toml", [f"training.minutes={each:.4f}"])
    assert recipe.training.minutes == pytest.approx(each, abs=1e-4)


@pytest.mark.parametrize("minutes", [0, -1, 1e9, float("nan")])
def test_other_minutes_leave_no_folder(minutes, tmp_path):
    with pytest.raises(UserError, match=r"give `minutes` above 0, at most 1e\+06"):
        quickstart.quickstart(tmp_path / "q", minutes)
    assert not (tmp_path / "q").exists()

"""Recipes by name: those that come with wavegen are found, files go first, and an unknown name gets the nearest."""

import json
import tomllib
from pathlib import Path

import pytest

from wavegen.cli.main import main
from wavegen.errors import UserError
from wavegen.training import recipe_names
from wavegen.training.recipe import load_recipe

SOURCE = Path(__file__).parents[2] / "recipes"
TINY = ["network.dilations=[1,2]", "network.residual_channels=2", "network.gate_channels=4", "network.skip_channels=2"]
SHORT = ["training.steps=2", "training.batch_size=2", "training.window=64", "training.threads=1"]


def test_every_recipe_is_listed_with_what_it_is(capsys):
    assert main(["info", "recipes", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["recipes"]
    assert set(listed) == {f"{path.parent.name}/{path.stem}" for path in SOURCE.glob("*/*.toml")}
    assert listed["asterisk/wavenet"] == "WaveNet with ten logistics on 16-bit PCM and a linear predictor."
    assert all(len(line) > 20 for line in listed.values())
    assert main(["info", "recipes"]) == 0
    out = capsys.readouterr().out
    assert len(out.splitlines()) == len(listed)
    assert "sources/overfitting  " in out


def test_a_folder_called_recipes_is_a_run_or_corpus_only_if_it_holds_one(furnished, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("recipes").mkdir()
    assert main(["info", "recipes"]) == 0
    assert "asterisk/wavenet" in capsys.readouterr().out
    Path("recipes/model.safetensors").write_bytes((furnished / "gru/model.safetensors").read_bytes())
    assert main(["info", "recipes"]) == 0
    assert "network.hidden_size" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["recipez", "recipe", "Recipes"])
def test_info_of_a_misspelt_word(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["info", name]) == 2
    assert capsys.readouterr().err == f"wavegen: {name}: no such file; did you mean recipes?\n"


@pytest.mark.parametrize("name", recipe_names.names())
def test_each_is_read_by_its_name(name):
    file, bundled = recipe_names.recipe_file(name)
    assert bundled
    assert load_recipe(file).model["network"]["name"] == tomllib.loads(file.read_text())["network"]["name"]


def test_a_recipe_of_wavegen_trains_into_a_folder_of_its_last_name(furnished, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    settings = [word for each in (*TINY, *SHORT, "predictor.taps=2") for word in ("--set", each)]
    command = ["train", "asterisk/wavenet", "--corpus", str(furnished / "corpus"), *settings]
    assert main(command) == 0, capsys.readouterr().err
    assert Path("runs/wavenet/model.safetensors").is_file()


def test_a_file_of_that_name_goes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("asterisk").mkdir()
    Path("asterisk/wavenet").write_text("")
    assert recipe_names.recipe_file("asterisk/wavenet") == (Path("asterisk/wavenet"), False)
    assert recipe_names.recipe_file("asterisk/gru")[1], "the folder holds no such file"
    assert recipe_names.recipe_file("asterisk/gru.toml") == recipe_names.recipe_file("asterisk/gru")
    Path("asterisk/gru.toml").write_text("")
    assert recipe_names.recipe_file("asterisk/gru.toml") == (Path("asterisk/gru.toml"), False)
    Path("absent.toml").symlink_to("nowhere")
    assert recipe_names.recipe_file("absent.toml") == (Path("absent.toml"), False), "which says what is wrong itself"


REFUSED = {
    "asterisk/wavnet": "asterisk/wavnet: no such file, nor a recipe of wavegen; did you mean asterisk/wavenet?",
    "astrisk/gru": "did you mean asterisk/gru?",
    "row-lstm": "did you mean mnist/row-lstm?",
    "wavenet-long": "did you mean asterisk/wavenet-long?",
    "yesno": r"did you mean yesno/gru or yesno/wavenet\?",
    "gruu": "did you mean asterisk/gru or cmu-arctic/gru or",
    "gruu.toml": "gruu.toml: no such file, nor a recipe of wavegen; did you mean asterisk/gru or cmu-arctic/gru or",
    "asterisk/gruu.toml": r"did you mean asterisk/gru\?",
    "xyz.toml": "nor a recipe of wavegen; `wavegen info recipes` lists them",
    "xyz": "nor a recipe of wavegen; `wavegen info recipes` lists them",
    "../recipes/asterisk/gru": "no such file",
    "": "is no file but a folder; name a TOML file or a recipe that",
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_unknown_name_gets_the_nearest(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=REFUSED[name]):
        recipe_names.recipe_file(name)


@pytest.mark.parametrize("name", ["wavenett.toml", "wavenett", "Wavenet2.TOML"])
def test_a_file_beside_is_the_nearest(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wavenet2.toml").write_text("")
    for folder in ("", f"{tmp_path}/"):
        with pytest.raises(UserError, match=r"no such file, .* did you mean \S*wavenet2\.toml\?$"):
            recipe_names.recipe_file(folder + name)


def test_a_bundled_recipe_needs_a_corpus(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "mnist/nade"]) == 2, "whose corpus.path is of a clone"
    assert capsys.readouterr().err == "wavegen: mnist/nade: a recipe of wavegen knows no corpus; give --corpus\n"
    assert not list(tmp_path.iterdir())


def test_without_recipes_the_line_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(recipe_names, "FOLDERS", (tmp_path / "none",))
    assert recipe_names.described() == {}
    with pytest.raises(UserError, match="they were not installed"):
        recipe_names.recipe_file("asterisk/wavenet")

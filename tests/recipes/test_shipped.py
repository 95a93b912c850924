"""Every recipe's own commands, on a miniature of its corpus and with a tiny network in place of its own."""

import json
import re
from pathlib import Path

import miniature_corpora
import pytest
from recipe_commands import RECIPES, commands

from wavegen.cli.main import main
from wavegen.data.corpus import open_corpus
from wavegen.data.preparing.layouts import LAYOUTS
from wavegen.training.recipe import load_recipe

TRAINING = {
    "steps": 2,
    "batch_size": 2,
    "window": 64,
    "warm_up": 16,
    "validate_every": 2,
    "threads": 1,
    "bfloat16": "false",
}
NETWORKS = {
    "wavenet": {"residual_channels": 4, "gate_channels": 4, "skip_channels": 4, "dilations": [1, 2]},
    "gru": {"hidden_size": 4},
}


def tiny(argv: list[str]) -> list[str]:
    """A command of wavegen that takes no time, and prints JSON."""
    argv = [*argv[1:], "--json"]
    if argv[0] == "train":
        kind = str(load_recipe(argv[1]).model["network"]["name"])
        tables = {"training": TRAINING, "network": NETWORKS[kind]}
        return argv + [
            word
            for table, keys in tables.items()
            for key, value in keys.items()
            for word in ("--set", f"{table}.{key}={value}")
        ]
    if argv[0] == "generate":
        argv[argv.index("--seconds") + 1] = "0.01"
    return argv


# Recipes of one corpus by the layout of another.
MINIATURES = {**miniature_corpora.MINIATURES, "festvox-ru": miniature_corpora.festvox_ru}


@pytest.mark.parametrize("name", list(MINIATURES))
def test_the_commands(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipes").symlink_to(RECIPES)
    MINIATURES[name](tmp_path / "data")
    done: dict[str, dict] = {}
    models = []
    for argv in commands(name):
        assert main(tiny(argv)) == 0, f"{argv}: {capsys.readouterr().err}"
        done[argv[1]] = json.loads(capsys.readouterr().out)
        models += [argv[argv.index("--run") + 1]] if argv[1] == "train" else []
    assert list(done) == ["prepare", "train", "generate", "score", "compare"]
    assert set(models) == {f"runs/{recipe.stem}" for recipe in (RECIPES / name).glob("*.toml")}
    corpus = open_corpus("corpus")
    test = sorted(recording.id for recording in corpus.split("test"))
    assert test
    assert sorted(row["file"] for row in done["score"]["files"]) == test
    assert len(done["generate"]["files"]) == 3
    rows = {row["name"]: row for row in done["compare"]["rows"]}
    assert done["compare"]["files"] == len(test)
    assert {Path(model).name for model in models} - {"vocoder"} < set(rows)
    scored = Path(done["score"]["model"]["path"]).name
    assert rows[scored]["bits_per_sample"] == pytest.approx(done["score"]["bits_per_sample"], abs=1e-3)
    if name == "speech-commands":
        assert rows["wavenet-mu-law"]["bits_per_symbol"] < rows["wavenet-mu-law"]["bits_per_sample"]


def folders() -> list[str]:
    return sorted(path.parent.name for path in RECIPES.glob("*/README.md"))


def test_every_known_corpus_has_a_recipe_that_names_its_rate():
    assert set(LAYOUTS) | {"own-recordings"} == set(miniature_corpora.MINIATURES) <= set(folders())
    for name in miniature_corpora.MINIATURES:
        prepare = commands(name)[0]
        rate = LAYOUTS[name].sample_rate if name in LAYOUTS else None
        rate = int(prepare[prepare.index("--sample-rate") + 1]) if "--sample-rate" in prepare else rate
        for recipe in sorted((RECIPES / name).glob("*.toml")):
            assert load_recipe(recipe).corpus.sample_rate == rate


def test_the_table_has_every_recipe_once():
    table = (RECIPES / "README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| \[([\w-]+)\]\(\1/README\.md\)", table, re.MULTILINE)) == folders()
    assert "(recipes/README.md)" in (RECIPES.parent / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", list(LAYOUTS))
def test_the_official_numbers_in_the_readme_are_those_that_are_checked(name):
    text = (RECIPES / name / "README.md").read_text(encoding="utf-8").replace(" ", "")
    counts = LAYOUTS[name].parts.values()
    for number in (sum(count.files or 0 for count in counts), sum(count.speakers or 0 for count in counts)):
        assert not number or (number == 1 and "onespeaker" in text) or str(number) in text

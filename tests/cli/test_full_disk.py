"""A full disk: one line, and no output that is half written."""

import os
import re
import shutil

import pytest
import workspace

from wavegen.cli.main import main


@pytest.mark.parametrize(
    "command",
    [
        "generate gru o.wav --prime b.wav --seconds 0.1",
        "generate gru o.wav -n 2 --prime b.wav --seconds 0.1",
        "prepare source corpus2",
        "train recipe.toml --run new",
        "score gru a.wav --plot o.png",
        "score gru b.wav --window 0.001 --csv o.csv",
        "compare gru --corpus corpus --html o.html",
        "quickstart --out new",
    ],
)
def test_a_full_disk(furnished, full_disk, monkeypatch, capsys, command):
    before = workspace.tree(furnished)
    monkeypatch.chdir(furnished)
    code = main(command.split())
    out, err = capsys.readouterr()
    assert (code, out) == (2, ""), err
    assert re.fullmatch(r"wavegen: \S+: .*cannot be written.*", err.splitlines()[-1]), err
    left = {name for name in workspace.tree(furnished) if name not in before}
    # What a later try goes on from may stay: a run's recipe and log, the quickstart's note. Nothing else.
    assert {
        name for name in left if os.path.splitext(name)[1] in (".wav", ".png", ".csv", ".html", ".safetensors")
    } == set()
    assert not any(".part" in name or name.startswith("corpus2") for name in left), left
    shutil.rmtree(furnished / "new", ignore_errors=True)

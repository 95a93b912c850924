"""The same command again goes on with what is missing of several files, and replaces nothing that is something else."""

import json
import os
import shutil
from pathlib import Path

import pytest

from wavegen.cli.main import main
from wavegen.engine import native

pytestmark = [
    pytest.mark.usefixtures("in_the_folder"),
    pytest.mark.skipif(native.missing() is not None, reason="the extension is not built"),
]

SUFFIX = {"compress": "wgn", "decompress": "wav"}


@pytest.fixture
def folder(tmp_path):
    """With a.wav and b.wav of the furnished folder, their compressed files in small/ and restored ones in big/."""
    for name in ("a.wav", "b.wav"):
        shutil.copy(name, tmp_path / name)
    for name in ("small", "big"):
        (tmp_path / name).mkdir()
    inputs = [str(tmp_path / name) for name in ("a.wav", "b.wav")]
    assert main(["compress", "gru", *inputs, str(tmp_path / "small")]) == 0
    assert main(["decompress", "gru", *compressed(tmp_path), str(tmp_path / "big")]) == 0
    return tmp_path


def compressed(folder):
    return [str(folder / "small" / name) for name in ("a.wgn", "b.wgn")]


def words(folder, command):
    """The command that made `small` or `big`, and where."""
    if command == "compress":
        return [command, "gru", str(folder / "a.wav"), str(folder / "b.wav"), str(folder / "small")], folder / "small"
    return [command, "gru", *compressed(folder), str(folder / "big")], folder / "big"


def contents(folder):
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


@pytest.mark.parametrize("command", SUFFIX)
def test_what_is_missing_is_made_and_the_rest_left(folder, capsys, command):
    again, out = words(folder, command)
    before = contents(out)
    lost = out / f"b.{SUFFIX[command]}"
    lost.unlink()
    capsys.readouterr()
    assert main([*again, "--json"]) == 0
    said = capsys.readouterr()
    kept = out / f"a.{SUFFIX[command]}"
    assert f"wavegen: 1 of 2 files skipped: what would be written is there, as {kept}\n" in said.err
    result = json.loads(said.out)
    assert [file["file"] for file in result["files"]] == [str(lost)]
    assert result["skipped"] == [str(kept)]
    after = contents(out)
    assert after[kept.name] == before[kept.name]
    assert after[lost.name][0] == before[lost.name][0]


@pytest.mark.parametrize("command", SUFFIX)
def test_nothing_is_left_to_do(folder, capsys, command):
    again, out = words(folder, command)
    before = contents(out)
    assert main(again) == 0
    assert "2 of 2 files skipped" in capsys.readouterr().err
    assert contents(out) == before
    assert main([*again, "--force", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["skipped"] == []
    assert contents(out) != before, "made again"


def cut(path: Path):
    path.write_bytes(path.read_bytes()[:-4])


def changed_header(path: Path):
    path.write_bytes(path.read_bytes()[:12] + b"\7" + path.read_bytes()[13:])


@pytest.mark.parametrize("spoil", [cut, changed_header, lambda path: path.write_bytes(b"")])
@pytest.mark.parametrize("command", SUFFIX)
def test_a_damaged_output_is_refused_before_the_work(folder, capsys, command, spoil):
    again, out = words(folder, command)
    spoil(out / f"a.{SUFFIX[command]}")
    (out / f"b.{SUFFIX[command]}").unlink()
    assert main(again) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert f"a.{SUFFIX[command]}: exists already, and is not what would be made of {again[2]}; name another" in line
    assert os.listdir(out) == [f"a.{SUFFIX[command]}"]


@pytest.mark.parametrize("change", ["input", "model", "precision"])
def test_what_another_input_model_or_precision_made_is_refused(folder, capsys, change):
    again, out = words(folder, "compress")
    before = contents(out)
    if change == "input":
        sound = bytearray((folder / "b.wav").read_bytes())
        sound[-1] ^= 1
        (folder / "b.wav").write_bytes(sound)
    if change == "model":
        again[1] = "wavenet"
    assert main([*again, *(["--precision", "int8"] if change == "precision" else [])]) == 2
    assert f"{'b' if change == 'input' else 'a'}.wgn: exists already, and is not what" in capsys.readouterr().err
    assert contents(out) == before


def test_an_output_that_is_named_is_refused_as_ever(folder, capsys):
    out = str(folder / "small" / "a.wgn")
    assert main(["compress", "gru", str(folder / "a.wav"), out]) == 2
    assert f"{out}: exists already; name another file, or give --force" in capsys.readouterr().err


def test_two_inputs_of_one_name_are_refused_though_the_output_is_there(folder, capsys):
    (folder / "other").mkdir()
    shutil.copy(folder / "a.wav", folder / "other" / "a.wav")
    inputs = [str(folder / "a.wav"), str(folder / "other" / "a.wav")]
    assert main(["compress", "gru", *inputs, str(folder / "small")]) == 2
    assert "two of the files would become it" in capsys.readouterr().err

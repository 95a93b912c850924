"""The scripts of recipes/asterisk that train the table and leave out what the speech inside wavegen holds out."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wavegen.assets import speech
from wavegen.audio import files as audio_files
from wavegen.data.splits import split_of

ASTERISK = Path(__file__).parents[2] / "recipes/asterisk"
WAVEGEN = """#!/bin/sh
line=$(for argument; do printf '<%s>' "$argument"; done)
printf '%s\\n' "$line" >> "$CALLS"  # whole lines: two of them run at once
case $1 in train) while [ "$1" != --run ]; do shift; done; mkdir -p "$2" ;; esac
"""


@pytest.mark.skipif(not shutil.which("xargs"), reason="there is no xargs")
def test_the_table_is_trained_and_compared_in_folders_whose_names_hold_blanks_and_quotes(tmp_path):
    program, recipes, runs = tmp_path / "bin/wavegen", tmp_path / "my recipes", tmp_path / "Ann's runs"
    program.parent.mkdir()
    program.write_text(WAVEGEN)
    program.chmod(0o755)
    shutil.copytree(ASTERISK, recipes)
    calls = tmp_path / "calls"
    environment = os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}", "CALLS": str(calls)}
    subprocess.run(["sh", recipes / "table.sh", "a corpus", runs], env=environment, check=True)
    *trained, compared = calls.read_text().splitlines()
    assert len(trained) == 15
    first = f"<train><{recipes}/wavenet.toml><--corpus><a corpus><--run><{runs}/wavenet-0><--resume>"
    settings = "<--set><training.seed=0><--set><training.minutes=20><--set><training.threads=1>"
    assert first + settings in trained
    assert all(Path(line.split(">")[1].lstrip("<")).exists() for line in trained)
    assert compared.count(f"<{runs}/") == 15 + 1


def without_speech(sounds: Path, out: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, ASTERISK / "without_speech.py", sounds, out]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_leaves_out_what_the_speech_inside_holds_out(tmp_path):
    sounds, out = tmp_path / "sounds", tmp_path / "out"
    names = [path.relative_to(speech.folder()) for path in audio_files.find(speech.folder())]
    for name in names:
        wav = (sounds / name).with_suffix(".wav")
        wav.parent.mkdir(parents=True, exist_ok=True)
        wav.write_bytes(b"")
    assert without_speech(sounds, out).returncode == 0
    left = {path.relative_to(out).with_suffix(".flac") for path in out.rglob("*.wav")}
    assert left == {name for name in names if split_of(name.as_posix()) == "train"}
    again = without_speech(sounds, out)
    assert again.returncode
    assert again.stderr == f"{out}: exists already; name a new folder\n"


def test_refuses_a_folder_in_which_it_would_not_find_what_to_leave_out(tmp_path):
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds/vm-goodbye.wav").write_bytes(b"")
    refused = without_speech(tmp_path / "sounds", tmp_path / "out")
    assert refused.returncode
    assert "is not there to be left out" in refused.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("script", "arguments"), [("box.py", 3), ("without_speech.py", 2)])
def test_says_in_one_line_what_is_not_there(script, arguments, tmp_path):
    paths = [tmp_path / "nowhere", tmp_path / "corpus", tmp_path / "out"]
    command = [sys.executable, ASTERISK / script, *paths[:arguments]]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stderr.splitlines()
    assert len(said) == 1
    assert said[0].startswith(f"{script}: {tmp_path}/nowhere: ")

"""What the README tells a user to type works, in the order in which it stands there."""

import re
import shlex
from pathlib import Path

import miniature_corpora
import pytest
import workspace

from wavegen.audio import files as audio_files
from wavegen.cli.main import main

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"(?:^    .*\n|^\n(?=    ))+", README, re.MULTILINE)
RECIPE = """
[network]
name = "wavenet"
residual_channels = 4
gate_channels = 4
skip_channels = 4
dilations = [1, 2]
[training]
steps = 2
batch_size = 2
window = 64
threads = 1
"""


@pytest.fixture(autouse=True)
def _in_a_users_folder(tmp_path, monkeypatch):
    (tmp_path / "recordings").mkdir()
    for index in range(24):
        audio_files.write(tmp_path / "recordings" / f"{index}.wav", workspace.wander(2000, index), 8000)
    audio_files.write(tmp_path / "some.wav", workspace.wander(2000, 100), 44100)
    miniature_corpora.ljspeech(tmp_path / "data")
    (tmp_path / "recipe.toml").write_text(RECIPE)
    monkeypatch.chdir(tmp_path)


def test_the_two_commands_stand_at_the_top():
    assert [line.split("#")[0].strip() for line in README.splitlines()[2:4]] == [
        "pip install . && wavegen quickstart",
        "pip install '.[test]' && pytest",
    ]


def test_the_commands(capsys):
    told = ("wavegen prepare", "wavegen compress", "--dry-run")
    blocks = [block for block in BLOCKS if any(words in block for words in told)]
    lines = [shlex.split(line, comments=True) for block in blocks for line in block.strip().splitlines()]
    assert len(lines) >= 9
    for line in lines:
        argv = [{"10": "0.02", "training.steps=40000": "training.steps=3"}.get(word, word) for word in line]
        argv += ["--seconds", "0.02"] if argv[1] == "generate" and "--seconds" not in argv else []
        assert argv[0] == "wavegen"
        assert main(argv[1:]) == 0, f"{line}: {capsys.readouterr().err}"
    for written in ("report.html", "new-0.wav", "new-2.wav", "more.wav", "surprise.png"):
        assert Path(written).is_file()
    assert Path("back.wav").read_bytes() == Path("some.wav").read_bytes()


def test_the_python():
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    code = code.replace("num_samples=16000", "num_samples=200")
    code = code.replace('score(model, "some.wav"', 'score(model, "recordings/0.wav"')
    exec(compile(code, "README.md", "exec"), {})
    assert len(audio_files.read("new-1.wav").pcm) == 200


def test_the_recipe(tmp_path):
    (block,) = [block for block in BLOCKS if "[network]" in block]
    (tmp_path / "from-readme.toml").write_text("\n".join(line[4:] for line in block.splitlines()))
    assert main(["prepare", "recordings", "corpus"]) == 0
    overrides = ["--set", "training.steps=1", "--set", "training.batch_size=1", "--set", "training.window=64"]
    assert main(["train", "from-readme.toml", "--corpus", "corpus", *overrides, "--set", "training.threads=1"]) == 0

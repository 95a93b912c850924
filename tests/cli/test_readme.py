"""What the README and the pages of docs/ tell a user to type works, in the order in which it stands there."""

import re
import shlex
import shutil
import tomllib
from pathlib import Path

import miniature_corpora
import pytest
import workspace

from wavegen.audio import files as audio_files
from wavegen.cli.arguments import make_parser
from wavegen.cli.main import COMMANDS, main

ROOT = Path(__file__).parents[2]
PAGES = {
    "README.md": (),
    "docs/commands.md": (),
    "docs/compression.md": (),
    "docs/conditioning.md": (),
    "docs/data.md": (),
    "docs/distributed.md": ("corpus", "runs/mine"),
    "docs/engines.md": ("corpus", "runs/mine"),
    "docs/features.md": (),
    "docs/mel.md": (),
    "docs/installation.md": (),
    "docs/training.md": ("corpus",),
}
WITH_PYTHON = ["README.md", "docs/python.md", "docs/engines.md"]
FENCES = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# Read by the command line's parser alone: they take minutes, or need what a test has not.
NOT_RUN = ("wavegen quickstart", "wavegen prepare sounds", "wavegen bench", "wavegen compare runs/nade")
RECIPE_SCRIPTS = {"recipes/asterisk/get.sh", "recipes/asterisk/table.sh"}
OTHER_COMMANDS = {"pip", "python", "python3", "torchrun"} | RECIPE_SCRIPTS
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
# What makes a command of the documentation short.
SHORTER = {"10": "0.02", "training.steps=40000": "training.steps=3", "own-recordings/gru": "recipe.toml"}


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    return [block for kind, block in FENCES.findall(text(page)) if kind == language]


def commands(page: str) -> list[list[str]]:
    """Every command of a page's blocks, without comments; of `a && b` both."""
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    words = [shlex.split(line, comments=True) for line in lines]
    return [command for line in words if line for command in split_at_and(line)]


def split_at_and(words: list[str]) -> list[list[str]]:
    found: list[list[str]] = [[]]
    for word in words:
        if word == "&&":
            found.append([])
        else:
            found[-1].append(word)
    return found


def users_folder(folder: Path) -> None:
    """Recordings, one recording of another rate, those of two speakers, a known corpus and recipes."""
    (folder / "recordings").mkdir()
    for index in range(24):
        audio_files.write(folder / "recordings" / f"{index}.wav", workspace.wander(2000, index), 8000)
    audio_files.write(folder / "some.wav", workspace.wander(2000, 100), 44100)
    miniature_corpora.ljspeech(folder / "data")
    for speaker in ("anna", "ben"):
        (folder / "voices" / speaker).mkdir(parents=True)
        for index in range(14):
            name = folder / "voices" / speaker / f"word{index}.wav"
            audio_files.write(name, workspace.wander(2000, 50 + 20 * (speaker == "ben") + index), 8000)
    (folder / "recipe.toml").write_text(RECIPE)
    for block in blocks("docs/conditioning.md", "toml"):
        (folder / block.splitlines()[0].removeprefix("# ")).write_text(block + RECIPE)


@pytest.fixture(scope="module")
def furnished(tmp_path_factory):
    """A user's folder in which `corpus` and `runs/mine` have been made."""
    folder = tmp_path_factory.mktemp("user")
    users_folder(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["prepare", "recordings", "corpus"]) == 0
        assert main(["train", "recipe.toml", "--corpus", "corpus", "--run", "runs/mine"]) == 0
    return folder


@pytest.fixture
def user(tmp_path, monkeypatch):
    users_folder(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_two_commands_stand_at_the_top():
    assert [line.split("#")[0].strip() for line in text("README.md").splitlines()[3:5]] == [
        "pip install . && wavegen quickstart",
        "pip install '.[test]' && pytest",
    ]


def test_every_page_with_commands_is_checked():
    found = {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")} | {"README.md"}
    assert {page for page in found if blocks(page, "sh")} == PAGES.keys()
    assert {page for page in found if blocks(page, "python")} == set(WITH_PYTHON)


@pytest.mark.parametrize("page", PAGES)
def test_the_commands(page, user, furnished, capsys):
    for made in PAGES[page]:
        shutil.copytree(furnished / made, user / made)
    ran = 0
    for command in commands(page):
        if command[0] != "wavegen":
            check_other(command)
        elif shlex.join(command).startswith(NOT_RUN) or "…" in command:
            make_parser(COMMANDS).parse_args(command[1:])
        else:
            argv = [SHORTER.get(word, word) for word in command[1:]]
            argv += ["--seconds", "0.02"] if argv[0] == "generate" and "--seconds" not in argv else []
            assert main(argv) == 0, f"{command}: {capsys.readouterr().err}"
            ran += 1
    assert ran or page in ("docs/distributed.md", "docs/installation.md")
    outputs = (".html", ".csv", "surprisal.png")
    written = {word for command in commands(page) for word in command if word.endswith(outputs)}
    assert all(Path(name).is_file() for name in written)
    if Path("back.wav").exists():
        assert Path("back.wav").read_bytes() == Path("some.wav").read_bytes()


def check_other(command: list[str]) -> None:
    """What is not wavegen's: scripts are there, and what torchrun starts can be parsed."""
    if command[0] == "torchrun":
        argv = command[command.index("wavegen") + 1 :]
        assert make_parser(COMMANDS).parse_args(argv).run == Path("runs/mine")
    elif "/" in command[0]:
        assert (ROOT / command[0]).is_file()
    assert command[0] in OTHER_COMMANDS | {"pytest", "."}


@pytest.mark.parametrize("page", [f"docs/{name}.md" for name in ("faq", "data", "commands", "training", "engines")])
def test_commands_in_sentences_can_be_parsed(page):
    parser = make_parser(COMMANDS)
    for line in re.findall(r"`wavegen ([^`]*)`", text(page)):
        words = shlex.split(line.replace("| aplay", ""))
        if words[0] in COMMANDS and (len(words) > 1 or words[0] in ("info", "quickstart")) and "COMMAND" not in words:
            parser.parse_args([word for word in words if word != "…"])


@pytest.mark.parametrize("page", WITH_PYTHON)
def test_the_python(page, user):
    code = "\n".join(blocks(page, "python")).replace("num_samples=16000", "num_samples=200")
    code = code.replace('score(model, "some.wav"', 'score(model, "recordings/0.wav"')
    exec(compile(code, page, "exec"), {})
    if "new.wav" in code:
        assert len(audio_files.read("new-1.wav").pcm) == 200


def test_the_recipe(user):
    (block,) = blocks("docs/training.md", "toml")
    assert tomllib.loads(block)["network"]["name"] == "wavenet"
    (user / "from-page.toml").write_text(block)
    assert main(["prepare", "recordings", "corpus"]) == 0
    overrides = ["--set", "training.steps=1", "--set", "training.batch_size=1", "--set", "training.window=64"]
    # A recipe has minutes or steps.
    (user / "from-page.toml").write_text(block.replace("minutes = 20", "steps = 2"))
    assert main(["train", "from-page.toml", "--corpus", "corpus", *overrides, "--set", "training.threads=1"]) == 0

"""What quickstart and train look at before they begin, and that nothing stays behind where they refuse."""

import shutil
from collections import namedtuple
from pathlib import Path

import failing_libraries
import pytest
import small_trainings

from wavegen.cli.main import main
from wavegen.errors import UserError
from wavegen.training import readiness, train
from wavegen.training.readiness import check_ready, run_bytes

Usage = namedtuple("Usage", ["total", "used", "free"])


@pytest.fixture
def place(furnished, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return furnished


def refused(command: list[str], capsys) -> str:
    """The line of a command that ends with 2 and leaves nothing."""
    assert main(command) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert not list(Path.cwd().iterdir())
    return line


COMMANDS = ("quickstart", "train")


def arguments(command: str, place: Path) -> list[str]:
    return [command] if command == "quickstart" else [command, str(place / "recipe.toml"), "--run", "new/run"]


@pytest.mark.parametrize("command", COMMANDS)
def test_too_little_space_is_said_at_once(command, place, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9 - 2**20, 2**20))
    line = refused(arguments(command, place), capsys)
    assert " MB of disk, 1.0 MB are free; make room or name another folder" in line
    assert line.startswith("wavegen: quickstart: " if command == "quickstart" else "wavegen: new/run: ")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("library", ["soundfile", "soxr"])
@pytest.mark.parametrize("error", ["ImportError", "OSError"])
def test_a_library_needed_at_the_end_is_missed_at_the_start(command, library, error, place, monkeypatch, capsys):
    if command == "train":
        monkeypatch.setattr("wavegen.training.trainer.Trainer.open", lambda self: pytest.fail("it had begun"))
    else:
        monkeypatch.setattr("wavegen.quickstart.train", lambda *_, **__: pytest.fail("it had begun"))
    commands = arguments(command, place)
    __import__("wavegen.quickstart")  # what is imported by then is
    failing_libraries.break_library(monkeypatch, library, failing_libraries.ERRORS[error], "import")
    line = refused(commands, capsys)
    assert f": {library} " in line
    assert f"mend it with: pip install --force-reinstall '{library}>=" in line


def test_a_coder_of_flac_that_fails_at_use(place, monkeypatch, capsys):
    __import__("wavegen.quickstart")
    failing_libraries.break_library(monkeypatch, "soundfile", failing_libraries.ERRORS["RuntimeError"], "use")
    assert "soundfile " in refused(["quickstart"], capsys)


def test_a_folder_that_is_full_of_what_will_be_replaced_needs_less(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 0, 1000))
    (tmp_path / "resume.safetensors").write_bytes(bytes(5000))
    check_ready(tmp_path, 6000)
    with pytest.raises(UserError, match="of disk"):
        check_ready(tmp_path, 6001)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, 0))
    check_ready(tmp_path / "new", 10**15)


def test_a_folder_without_the_right_to_write(tmp_path, monkeypatch):
    monkeypatch.setattr(readiness.os, "access", lambda path, mode: path != tmp_path)
    with pytest.raises(UserError, match=r"new/run: .* cannot be written to; name another folder"):
        check_ready(tmp_path / "new" / "run", 0)


def test_a_run_takes_no_more_than_is_foreseen(tmp_path):
    corpus = small_trainings.make_corpus(tmp_path)
    run = tmp_path / "run"
    train(small_trainings.recipe(), corpus, run, progress=False)
    from wavegen.models.checkpoint import load
    from wavegen.models.density import Density

    parameters = load(run, Density).num_parameters
    tensors = sum(path.stat().st_size for path in run.glob("*.safetensors"))
    assert 4 * 4 * parameters < tensors, "weights, their mean and what the optimizers hold"
    assert tensors < 6.5 * 4 * parameters + 60_000, "headers included: 12 copies leave room for the new beside the old"
    assert sum(path.stat().st_size for path in run.rglob("*") if path.is_file()) < run_bytes(parameters)

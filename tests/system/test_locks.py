"""One process at a time in a folder; where the file system has no locks, a warning and no end of the work."""

import errno
import fcntl
import logging
import os

import pytest
import workspace

from wavegen.cli.main import main
from wavegen.errors import UserError
from wavegen.system.locks import hold
from wavegen.training.host import locked


@pytest.fixture
def no_locks(monkeypatch):
    def no_locks(number):
        def refuse(*_):
            raise OSError(number, "No locks available")

        monkeypatch.setattr(fcntl, "flock", refuse)

    return no_locks


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_without_locks_the_work_goes_on_with_a_warning(tmp_path, monkeypatch, caplog, no_locks, number):
    monkeypatch.chdir(tmp_path)
    workspace.furnish(tmp_path)
    no_locks(number)
    for command in ("prepare source c", "train recipe.toml --run run", "train recipe.toml --run run --resume"):
        caplog.clear()
        with caplog.at_level(logging.WARNING, "wavegen"):
            assert main(command.split()) == 0
        (warning,) = [record.getMessage() for record in caplog.records if "locked" in record.getMessage()]
        assert "cannot be locked: No locks available; see to it that no other process writes there" in warning


def test_another_error_of_a_lock_is_one(tmp_path, monkeypatch, capsys, no_locks):
    monkeypatch.chdir(tmp_path)
    workspace.furnish(tmp_path)
    no_locks(errno.EIO)
    assert main(["train", "recipe.toml", "--run", "run"]) == 2
    assert "run: cannot be locked" in capsys.readouterr().err
    assert main(["prepare", "source", "c"]) == 2
    assert "c: cannot be written" in capsys.readouterr().err


def _damaged(_):
    with open("corpus/pcm.i16", "r+b") as file:
        file.write(b"\x55\x55")


def _full(monkeypatch):
    def refuse(*_):
        raise UserError("no space left on device")

    monkeypatch.setattr("wavegen.training.folder.write_state", refuse)


def _interrupted(monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("wavegen.training.trainer.check_recordings", interrupt)


@pytest.mark.parametrize("there", [False, True], ids=["new", "an empty folder"])
@pytest.mark.parametrize("stopped", [_damaged, _full, _interrupted])
def test_a_training_that_saved_nothing_leaves_nothing(tmp_path, monkeypatch, stopped, there):
    monkeypatch.chdir(tmp_path)
    workspace.furnish(tmp_path)
    stopped(monkeypatch)
    before = sorted(os.listdir())
    if there:
        os.makedirs("runs/new")
        before = sorted(os.listdir())
    assert main(["train", "recipe.toml", "--run", "runs/new"]) in (2, 130)
    assert sorted(os.listdir()) == before
    assert not there or os.listdir("runs/new") == []


def test_a_lock_file_that_was_removed_holds_nobody_off_and_nobody_in(tmp_path, monkeypatch):
    """Another process may have removed it, with its empty folder, between the opening and the locking."""

    def removed_meanwhile(*_):
        os.unlink(tmp_path / ".lock")
        (tmp_path / ".lock").touch()
        return True

    monkeypatch.setattr("wavegen.training.host.hold", removed_meanwhile)
    with pytest.raises(UserError, match="another process is training here"), locked(tmp_path):
        pytest.fail("locked")


def test_a_lock_is_held_until_the_file_is_closed(tmp_path):
    with open(tmp_path / "lock", "w") as first, open(tmp_path / "lock", "w") as second:
        assert hold(first, tmp_path)
        assert not hold(second, tmp_path)
        first.close()
        assert hold(second, tmp_path)

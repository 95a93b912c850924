"""One process at a time imports librosa."""

import errno
import fcntl
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from wavegen.audio.spectral import compiling
from wavegen.audio.spectral.compiling import librosa_for
from wavegen.errors import UserError

ENTERS = """
from wavegen.audio.spectral.compiling import librosa_for
print("before", flush=True)
with librosa_for("a test"):
    print("inside", flush=True)
"""


@pytest.fixture
def held():
    """The folder of librosa, which another process has locked."""
    spec = importlib.util.find_spec("librosa")
    assert spec is not None
    assert spec.origin is not None
    folder = os.open(Path(spec.origin).parent, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    yield folder
    os.close(folder)


def test_it_waits_until_others_have_left(held):
    process = subprocess.Popen([sys.executable, "-c", ENTERS], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "before\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        fcntl.flock(held, fcntl.LOCK_UN)
        assert process.communicate(timeout=60)[0] == "inside\n"
    finally:
        process.kill()
        process.wait()


def test_it_goes_on_while_a_process_hangs_there(held, monkeypatch):
    monkeypatch.setattr(compiling, "LONGEST_WAIT", 0.2)
    with librosa_for("a test"):
        pass


@pytest.mark.parametrize("call", ["open", "flock"])
def test_it_goes_on_where_nothing_can_be_locked(call, monkeypatch):
    """A folder whose modules may be read and that may not be listed was called a librosa that does not work."""

    def refuse(*arguments):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr({"open": os, "flock": fcntl}[call], call, refuse)
    with librosa_for("a test"):
        pass


def test_it_is_left_after_an_error():
    with (
        pytest.raises(UserError, match=r"^a test: librosa .* does not work \(ValueError: broken\)"),
        librosa_for("a test"),
    ):
        raise ValueError("broken")
    with librosa_for("a test"):
        pass


def test_the_package_may_be_missing(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with (
        pytest.raises(UserError, match=r"^a test: librosa .* does not work \(ModuleNotFoundError"),
        librosa_for("a test"),
    ):
        raise ModuleNotFoundError("No module named 'librosa'")

"""Limits under which libraries would end the process are met before these are loaded."""

import contextlib
import importlib
import os
import resource
import sys
from pathlib import Path

import pytest

from wavegen.errors import UserError
from wavegen.system import limits


@pytest.fixture
def tried(monkeypatch):
    """Two threads may run beside the first: gives a list of how many are tried."""
    tried = []

    @contextlib.contextmanager
    def limited(number):
        tried.append(number)
        yield min(number, 2)

    monkeypatch.setattr(limits, "waiting_threads", limited)
    return tried


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_threads_that_can_be_started(tried, number):
    limits.check_threads(number, "training.threads")
    assert tried == [number - 1]


def test_threads_that_cannot(tried):
    line = r"training\.threads: 4 threads are asked for, and only 3 threads can be started; lower it, or raise"
    with pytest.raises(UserError, match=line):
        limits.check_threads(4, "training.threads")


def test_each_team_of_threads_is_tried(tried):
    line = r"training\.threads: 3 threads are asked for, and only 2 threads can be started"
    with pytest.raises(UserError, match=line):
        limits.check_threads(3, "training.threads", teams=2)
    limits.check_threads(2, "training.threads", teams=2)
    assert tried == [4, 2]


def test_threads_that_find_no_room(monkeypatch):
    """Those that are tried have small stacks; OpenMP's ended the process under ulimit -v."""
    monkeypatch.setattr(limits, "_space_left", lambda: limits.RESERVE + 3000)
    limits.check_threads(4, "training.threads", room=1000)
    line = r"training\.threads: 5 threads are asked for, and only 4 threads can be started"
    with pytest.raises(UserError, match=line):
        limits.check_threads(5, "training.threads", room=1000)
    monkeypatch.setattr(limits, "_space_left", lambda: 0)
    limits.check_threads(1, "training.threads", room=1000)
    with pytest.raises(UserError, match="only 1 thread can be started"):
        limits.check_threads(2, "training.threads", room=1000)


def test_a_training_s_threads_take_two_stacks_and_a_heap_each(monkeypatch):
    from wavegen.training import host

    assert 2**16 <= limits.stack_of_a_thread() <= 2**30
    each = 2 * limits.stack_of_a_thread() + host.HEAP
    monkeypatch.setattr(limits, "_space_left", lambda: limits.RESERVE + 2 * each - 1)
    with host.torch_threads(2):
        pass
    with pytest.raises(UserError, match="3 threads are asked for, and only 2"), host.torch_threads(3):
        pass


def test_threads_run_until_the_block_ends_and_take_little_room():
    def state():
        return len(os.listdir("/proc/self/task")), int(Path(limits.STATUS).read_text().split()[0])

    with limits.waiting_threads(1):
        before, room = state()
    with limits.waiting_threads(5) as running:
        assert running == 5
        assert state()[0] == before + 4
    after, more = state()
    assert after == before - 1
    assert (more - room) * resource.getpagesize() < 2**21


@pytest.mark.parametrize("number", [-1, 0])
def test_no_threads(number):
    with limits.waiting_threads(number) as running:
        assert running == 0


@pytest.fixture
def library(monkeypatch):
    """Asks for threads as numpy does."""
    for name in limits.THREADS["numpy"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(limits.THREADS, "no_such_library", limits.THREADS["numpy"])
    monkeypatch.setattr(limits, "cpus", lambda: 8)
    return "no_such_library"


@pytest.mark.parametrize("variable", ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"])
def test_threads_of_a_library_before_it_is_loaded(tried, library, variable, monkeypatch):
    with limits.guarded_imports():
        monkeypatch.setenv(variable, "3")
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(library)
        monkeypatch.setenv(variable, "4")
        with pytest.raises(UserError, match=f"{variable}: 4 threads are asked for"):
            importlib.import_module(library)


def test_no_more_threads_are_tried_than_a_library_starts(tried, library, monkeypatch):
    """OpenBLAS starts one for each CPU at most, and reads the second variable only without the first."""
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    with limits.guarded_imports():
        with pytest.raises(UserError, match="OMP_NUM_THREADS: 64 threads are asked for"):
            importlib.import_module(library)
        monkeypatch.setattr(limits, "cpus", lambda: 2)
        tried.clear()
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(library)
        assert tried == [1]
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
        tried.clear()
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(library)
        assert tried == [0]


@pytest.fixture
def little_space(monkeypatch):
    """The limit is on, but so high that nothing fails by it."""
    monkeypatch.setattr(limits, "AMPLE", 2**60)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (2**50, 2**50))


@pytest.mark.parametrize(
    ("body", "loads"),
    [
        ("", True),
        ("import no_such_module", True),  # and is what the import itself raises
        ("raise ImportError('failed to map segment')", False),
        ("import os; os._exit(3)", False),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", False),
        ("import os; os.write(1, b'words'); os.write(2, b'words')", True),
        ("import time; time.sleep(60)", False),
    ],
)
def test_a_library_is_loaded_by_a_copy_first(tmp_path, monkeypatch, little_space, capfd, body, loads):
    monkeypatch.setattr(limits, "PATIENCE", 1)
    monkeypatch.setitem(limits.THREADS, "rehearsed", ())
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "rehearsed.py").write_text(f"{body}\n")
    assert limits._can_be_loaded("rehearsed") == loads
    assert capfd.readouterr() == ("", "")
    assert "rehearsed" not in sys.modules
    before = list(sys.meta_path)
    if not loads:
        with limits.guarded_imports(), pytest.raises(UserError, match=r"ulimit -v: rehearsed cannot be loaded into"):
            importlib.import_module("rehearsed")
    assert sys.meta_path == before


def test_some_space_is_left(tmp_path, monkeypatch, little_space):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "light.py").write_text("")
    assert limits._can_be_loaded("light")
    monkeypatch.setattr(limits, "RESERVE", 2**62)
    assert not limits._can_be_loaded("light")


def test_nothing_is_rehearsed_with_ample_space(monkeypatch):
    monkeypatch.setattr(limits, "_can_be_loaded", lambda _: pytest.fail("rehearsed"))
    limits._check_space("numpy")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (2**50, 2**50))
    limits._check_space("numpy")

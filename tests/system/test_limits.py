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
    monkeypatch.setitem(limits.NEEDED, "no_such_library", 1)
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


def test_space_of_the_threads_of_a_library(tried, library, monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (2**50, 2**50))
    monkeypatch.setitem(limits.NEEDED_BY_THREAD, library, 2**49)
    with limits.guarded_imports():
        for number, error in (("2", ModuleNotFoundError), ("3", UserError)):
            monkeypatch.setenv("OMP_NUM_THREADS", number)
            with pytest.raises(error):
                importlib.import_module(library)


def test_space_of_a_library_before_it_is_loaded(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (2**50, 2**50))
    monkeypatch.setitem(limits.NEEDED, "no_such_library", 2**49)
    before = list(sys.meta_path)
    with limits.guarded_imports():
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("no_such_library")
        monkeypatch.setitem(limits.NEEDED, "no_such_library", 2**51)
        with pytest.raises(UserError, match="ulimit -v: no_such_library needs "):
            importlib.import_module("no_such_library")
    assert sys.meta_path == before

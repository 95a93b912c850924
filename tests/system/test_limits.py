"""Limits under which libraries would end the process are met before these are loaded."""

import importlib
import resource
import sys
import threading

import pytest

from wavegen.errors import UserError
from wavegen.system import limits


@pytest.fixture
def threads(monkeypatch):
    """Two threads may run beside the first: gives a list of all that are started."""
    start, started = threading.Thread.start, []

    def limited(thread):
        if sum(other.is_alive() for other in started) == 2:
            raise RuntimeError("can't start new thread")
        start(thread)
        started.append(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)
    return started


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_threads_that_can_be_started(threads, number):
    limits.check_threads(number, "training.threads")
    assert len(threads) == max(0, number - 1)
    assert not any(thread.is_alive() for thread in threads)


def test_threads_that_cannot(threads):
    line = r"training\.threads: 4 threads are asked for, and only 3 threads can be started; lower it, or raise"
    with pytest.raises(UserError, match=line):
        limits.check_threads(4, "training.threads")
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.parametrize("variable", ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"])
def test_threads_of_a_library_before_it_is_loaded(threads, variable, monkeypatch):
    for name in limits.THREADS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(limits.NEEDED, "no_such_library", 1)
    with limits.guarded_imports():
        monkeypatch.setenv(variable, "3")
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("no_such_library")
        monkeypatch.setenv(variable, "4")
        with pytest.raises(UserError, match=f"{variable}: 4 threads are asked for"):
            importlib.import_module("no_such_library")


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

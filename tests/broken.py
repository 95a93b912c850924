"""Libraries that fail, at import or at use, in place of those that are installed."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from typing import NoReturn

import pytest

from wavegen import optional, pictures

ERRORS = {
    "ImportError": ImportError("libstdc++.so.6: version `GLIBCXX_3.4.99' not found"),
    "ModuleNotFoundError": ModuleNotFoundError("No module named 'six'", name="six"),
    "OSError": OSError("Could not load this library: /x/lib.so"),
    "RuntimeError": RuntimeError("module compiled against\nABI version 0x2000009"),
    "AttributeError": AttributeError("module 'numpy' has no attribute 'bool8'"),
}
WHEN = ("import", "use")


class _Module(types.ModuleType):
    """Whatever is asked of it can be called, and raises."""

    def __init__(self, name: str, error: Exception):
        super().__init__(name)
        self._error = error

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)

        def fail(*_: object, **__: object) -> NoReturn:
            raise self._error

        return fail


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, name: str, error: Exception, when: str, monkeypatch: pytest.MonkeyPatch):
        self.name, self.error, self.when, self.monkeypatch = name, error, when, monkeypatch

    def find_spec(self, fullname, path, target=None):
        if fullname.partition(".")[0] != self.name:
            return None
        if self.when == "import":
            raise self.error
        return importlib.util.spec_from_loader(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        module = _Module(spec.name, self.error)
        self.monkeypatch.setitem(sys.modules, spec.name, module)  # and goes with the test
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        pass


def break_library(monkeypatch: pytest.MonkeyPatch, name: str, error: Exception, when: str) -> None:
    """Lets the top-level module `name` and all in it raise `error`, until the test ends."""
    for module in [each for each in sys.modules if each.partition(".")[0] == name]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(sys, "meta_path", [_Finder(name, error, when, monkeypatch), *sys.meta_path])
    forget(monkeypatch)


def importable(library: optional.Library, module: str) -> types.ModuleType:
    """A module of a library that only a test needs; skips the test where it cannot be imported here."""
    try:
        return importlib.import_module(module)
    except Exception as error:
        pytest.skip(optional.fault(library, error))


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets this test see what a new process does: nothing has been tried or said yet."""
    monkeypatch.setattr(optional, "_said", set())
    pictures.try_plotting.cache_clear()

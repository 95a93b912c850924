"""The C++ extension, and the version of its interface that this wavegen calls."""

from __future__ import annotations

import importlib
from types import ModuleType

INTERFACE = 5  # also in csrc/bindings/module.cpp; any change of the bindings raises it, so that no old build is called


def extension() -> ModuleType:
    """The C++ extension. Raises ImportError where it was not built."""
    return importlib.import_module("wavegen_native")


def fits(built: ModuleType, interface: int = INTERFACE) -> bool:
    """Whether an extension has the interface that this wavegen calls; the oldest builds have no number."""
    return getattr(built, "interface", None) == interface

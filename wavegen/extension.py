"""The C++ extension, and which interface of it this wavegen calls."""

from __future__ import annotations

import importlib
from types import ModuleType

INTERFACE = (
    2  # also in csrc/bindings/module.cpp: raised with any change of what is bound, so that an old build is not called
)


def extension() -> ModuleType:
    """The C++ extension. Raises ImportError where it was not built."""
    return importlib.import_module("wavegen_native")


def fits(built: ModuleType, interface: int = INTERFACE) -> bool:
    """Whether an extension has the interface that this wavegen calls; builds before there was a number have none."""
    return getattr(built, "interface", None) == interface

"""Libraries that only adorn: one that is missing or broken costs its part of a result, never the command."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from wavegen.errors import UserError
from wavegen.system.limits import MORE_MEMORY, is_no_memory

T = TypeVar("T")
_log = logging.getLogger("wavegen")
_said: set[str] = set()  # names of libraries whose line this process has printed


@dataclass(frozen=True)
class Library:
    """A distribution that can be done without, as pip names it.

    `requirement` is what pip is given to mend it, the same as in pyproject.toml. `beside` is the distribution whose
    version most often decides whether it works, and `options` are pip's.
    """

    name: str
    requirement: str
    beside: str | None = None
    options: str = "--force-reinstall"


MATPLOTLIB = Library("matplotlib", "matplotlib>=3.10.7", "numpy")
TENSORBOARDX = Library("tensorboardX", "tensorboardX>=2.6.2", "protobuf")
LIBROSA = Library("librosa", "librosa>=0.11", "numpy")
H5PY = Library("h5py", "h5py>=3.11", "numpy")
TORCHAUDIO = Library("torchaudio", "torchaudio==2.11.0", "torch", "--force-reinstall --no-deps")  # torch is gigabytes


def fault(library: Library, error: BaseException) -> str:
    """One line: the library with versions, what it raised, and the command that mends it, or more memory."""
    own = version(library.name)
    if own is None:
        return f"{library.name} is not installed; install it with: pip install '{library.requirement}'"
    if is_no_memory(error):
        return f"too little memory for {library.name} {own} ({reason(error)}); {MORE_MEMORY}"
    other = None if library.beside is None else version(library.beside)
    beside = "" if other is None else f" beside {library.beside} {other}"
    command = f"pip install {library.options} '{library.requirement}'"
    return f"{library.name} {own}{beside} does not work ({reason(error)}); mend it with: {command}"


def reason(error: BaseException) -> str:
    """The kind of an exception and its message, in one line."""
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def version(name: str) -> str | None:
    """The installed version of a distribution, without importing it; None if it is not installed."""
    import importlib.metadata  # slow to import, and seldom asked

    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def adorned(library: Library, part: str, draw: Callable[[], T]) -> T | None:
    """The result of `draw`; None, with one line a process, if the library fails at import or at use.

    `part` is what is then left out, as in "pictures". A UserError or MemoryError of `draw` is not the library's.
    """
    try:
        return draw()
    except (UserError, MemoryError):
        raise
    except Exception as error:
        if library.name not in _said:
            _said.add(library.name)
            _log.warning("wavegen: warning: %s are left out: %s", part, fault(library, error))
        return None


@contextlib.contextmanager
def needed(library: Library, what: str) -> Iterator[None]:
    """Turns whatever the library raises inside the block into a UserError that begins with `what`, which needs it."""
    try:
        yield
    except (UserError, MemoryError):
        raise
    except Exception as error:
        raise UserError(f"{what}: {fault(library, error)}") from error

"""Lets one process at a time import librosa, whose functions numba compiles then and keeps in a cache.

Two processes that compile the same `guvectorize` function at once may leave halves in the cache that do not fit each
other, and from then on whoever calls the function dies of a segmentation fault (numba issue 10128).
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import time
from collections.abc import Iterator

from wavegen.system.optional import LIBROSA, needed

LONGEST_WAIT = 300.0  # seconds; compiling takes one, some on a busy machine, and a stopped process is not waited for
PAUSE = 0.05  # seconds


@contextlib.contextmanager
def librosa_for(what: str) -> Iterator[None]:
    """A block that imports librosa, or calls a function of it for the first time: other processes of wavegen wait.

    Raises UserError that begins with `what`, which needs it, if librosa raises anything.
    """
    with needed(LIBROSA, what), contextlib.ExitStack() as stack:
        spec = importlib.util.find_spec("librosa")
        if spec is not None and spec.origin is not None:
            with contextlib.suppress(OSError):  # a folder that may not be opened, file systems without such locks
                # The folder itself, since nothing may be written there where the package is for reading only.
                folder = os.open(os.path.dirname(spec.origin), os.O_RDONLY | os.O_CLOEXEC)
                stack.callback(os.close, folder)
                _lock(folder)
        yield


def _lock(folder: int) -> None:
    """Takes the lock once it is free, or goes on without it after LONGEST_WAIT."""
    end = time.monotonic() + LONGEST_WAIT
    while time.monotonic() < end:
        try:
            return fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(PAUSE)

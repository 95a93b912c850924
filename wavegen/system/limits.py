"""Limits of address space and of threads (ulimit -v, -u), under which libraries end the process in their own ways."""

from __future__ import annotations

import contextlib
import os
import resource
import sys
import threading
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

from wavegen.errors import UserError
from wavegen.wording import amount

# Bytes of address space that a library takes while it is being imported, measured, and some to go on with. With less,
# OpenBLAS exits, C++ aborts for want of memory to tell so in, and numpy tells a page about broken installations.
NEEDED = {"numpy": 128 * 2**20, "torch": 640 * 2**20}
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")  # environment variables
MAX_TRIED = 256  # threads
STATUS = "/proc/self/statm"


class _Guard:
    """Is asked before every module is looked for, and finds none."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name in NEEDED:
            _check_space(name, NEEDED[name])
            for variable in THREADS:
                if (value := os.environ.get(variable, "")).isdecimal():
                    check_threads(int(value), variable)
        return None


@contextlib.contextmanager
def guarded_imports() -> Iterator[None]:
    """Inside the block, importing one of NEEDED raises UserError where a limit leaves it too little to begin with."""
    guard = _Guard()
    sys.meta_path.insert(0, guard)
    try:
        yield
    finally:
        sys.meta_path.remove(guard)


def check_threads(number: int, setting: str) -> None:
    """Raises UserError that names `setting`, which asks for them, unless so many threads can run at once.

    OpenMP ends the process when it cannot start one, OpenBLAS sends it the signal of Ctrl-C.
    """
    enough = threading.Event()
    started = [threading.Thread(target=enough.wait, daemon=True) for _ in range(min(number, MAX_TRIED) - 1)]
    running = 0
    try:
        for thread in started:
            thread.start()
            running += 1
    except RuntimeError as error:
        most = "only 1 thread" if running == 0 else f"only {running + 1} threads"
        raise UserError(
            f"{setting}: {number} threads are asked for, and {most} can be started; lower it, or raise the limits "
            "(ulimit -u, ulimit -v)"
        ) from error
    finally:
        enough.set()
        for thread in started[:running]:
            thread.join()


def _check_space(name: str, needed: int) -> None:
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY or not os.path.exists(STATUS):
        return
    with open(STATUS, "rb") as file:
        left = max(0, limit - int(file.read().split()[0]) * resource.getpagesize())
    if left < needed:
        raise UserError(
            f"ulimit -v: {name} needs {amount(needed)} of address space, {amount(left)} are left; raise the limit"
        )

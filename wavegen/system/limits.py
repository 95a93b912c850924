"""Limits of address space and of threads (ulimit -v, -u), under which libraries end the process in their own ways."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

from wavegen.errors import UserError
from wavegen.system.machine import cpus
from wavegen.wording import amount

# Bytes of address space that a library takes while it is being imported, measured, and some to go on with. With less,
# OpenBLAS exits, C++ aborts for want of memory to tell so in, and numpy tells a page about broken installations.
NEEDED = {"numpy": 84 * 10**6, "torch": 610 * 10**6}
NEEDED_BY_THREAD = {"numpy": 40 * 10**6}  # by each that OpenBLAS starts
THREADS = {"numpy": ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "torch": ("OMP_NUM_THREADS",)}  # what each asks for
MAX_TRIED = 256  # threads
STACK = 2**17  # bytes of each that is tried, so that many can be where there is little address space
OPAQUE = 256  # bytes, enough for a semaphore or attributes of threads of any C library
STATUS = "/proc/self/statm"


class _Guard:
    """Is asked before every module is looked for, and finds none."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name in NEEDED:
            variable, number = _asked(name)
            beside = min(number, cpus()) - 1
            _check_space(name, NEEDED[name] + NEEDED_BY_THREAD.get(name, 0) * beside)
            if variable is not None:
                check_threads(number, variable, most=cpus())  # OpenBLAS starts no more
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


def _asked(library: str) -> tuple[str | None, int]:
    """The first variable that tells a library how many threads to start, and how many; None and 1 without one."""
    for variable in THREADS.get(library, ()):
        if (value := os.environ.get(variable, "")).isdecimal() and int(value):
            return variable, int(value)
    return None, 1


def check_threads(number: int, setting: str, most: int = MAX_TRIED) -> None:
    """Raises UserError that names `setting`, which asks for them, unless so many threads can run at once.

    Beyond `most` it is not tried.
    OpenMP ends the process when it cannot start one, OpenBLAS sends it the signal of Ctrl-C.
    """
    wanted = min(number, most) - 1  # beside this one
    with waiting_threads(wanted) as running:
        if running < wanted:
            found = "only 1 thread" if running == 0 else f"only {running + 1} threads"
            raise UserError(
                f"{setting}: {number} threads are asked for, and {found} can be started; lower it, or raise the limits "
                "(ulimit -u, ulimit -v)"
            )


@contextlib.contextmanager
def waiting_threads(number: int) -> Iterator[int]:
    """Starts so many threads, or as many as can be, which wait until the block ends; gives how many there are.

    They are not Python's, for each of which glibc would keep 64 MiB of address space even when it has ended.
    """
    library = ctypes.CDLL(None)
    semaphore, attributes = ctypes.create_string_buffer(OPAQUE), ctypes.create_string_buffer(OPAQUE)
    library.sem_init(semaphore, 0, 0)
    library.pthread_attr_init(attributes)
    library.pthread_attr_setstacksize(attributes, ctypes.c_size_t(STACK))
    threads: list[ctypes.c_void_p] = []
    try:
        while len(threads) < number:
            thread = ctypes.c_void_p()
            if library.pthread_create(ctypes.byref(thread), attributes, library.sem_wait, semaphore):
                break
            threads.append(thread)
        yield len(threads)
    finally:
        for _ in threads:
            library.sem_post(semaphore)
        for thread in threads:
            library.pthread_join(thread, None)


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

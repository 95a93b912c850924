"""Limits of address space and of threads (ulimit -v, -u), under which libraries end the process in their own ways."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import importlib
import mmap
import os
import re
import resource
import signal
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

from wavegen.errors import UserError
from wavegen.system.machine import cpus
from wavegen.wording import amount

AMPLE = 8 * 2**30  # bytes of address space with which nothing is rehearsed; torch with CUDA's libraries takes 3.2e9
RESERVE = 2**26  # bytes that are to be left when a library has been loaded
PATIENCE = 300  # seconds after which a rehearsal counts as failed: OpenBLAS may hang
THREADS = {"numpy": ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "torch": ("OMP_NUM_THREADS",)}  # what each asks for
MAX_TRIED = 256  # threads
STACK = 2**17  # bytes of each that is tried, so that many can be where there is little address space
OPAQUE = 256  # bytes, enough for a semaphore or attributes of threads of any C library
STATUS = "/proc/self/statm"
MORE_MEMORY = "free some, raise the limit (ulimit -v), or ask for less at once"
_NO_MEMORY = re.compile(
    r"cannot allocate memory|can't allocate memory|failed to map segment|not enough memory|out of memory|bad_alloc",
    re.IGNORECASE,
)


def is_no_memory(error: BaseException) -> bool:
    """Whether an error reports a lack of memory; each library words it in its own way.

    A library that cannot be mapped is an ImportError or an OSError, and torch's allocators raise RuntimeError.
    """
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    if isinstance(error, ImportError | OSError | RuntimeError | SystemError) and _NO_MEMORY.search(str(error)):
        return True
    return error.__cause__ is not None and is_no_memory(error.__cause__)


class _Guard:
    """Is asked before every module is looked for, and finds none."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name in THREADS:
            variable, number = _asked(name)
            if variable is not None:
                check_threads(number, variable, max_tried=cpus())  # OpenBLAS starts no more
            _check_space(name)
        return None


@contextlib.contextmanager
def guarded_imports() -> Iterator[None]:
    """Inside the block, importing one of THREADS raises UserError where a limit leaves it too little to begin with."""
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


def check_threads(number: int, setting: str, max_tried: int = MAX_TRIED, teams: int = 1, room: int = 0) -> None:
    """Raises UserError that names `setting`, which asks for them, unless so many threads can run at once.

    OpenMP ends the process when it cannot start one, OpenBLAS sends it the signal of Ctrl-C.

    Args:
        number: of threads, this one included.
        setting: for the message.
        max_tried: beyond so many it is not tried.
        teams: that the library starts, each of so many.
        room: bytes of address space that each thread takes in all teams together; 0 where that is tried elsewhere.
    """
    wanted = min(number, max_tried) - 1  # beside this one
    left = _space_left() if room else None
    with waiting_threads(teams * wanted) as running:
        each = running // teams
        if left is not None:
            each = min(each, max(0, left - RESERVE) // room)
        if each < wanted:
            found = "only 1 thread" if each == 0 else f"only {each + 1} threads"
            raise UserError(
                f"{setting}: {number} threads are asked for, and {found} can be started; lower it, or raise the limits "
                "(ulimit -u, ulimit -v)"
            )


def stack_of_a_thread() -> int:
    """Bytes of address space that the stack of a thread takes unless its maker says otherwise."""
    library, attributes, size = ctypes.CDLL(None), ctypes.create_string_buffer(OPAQUE), ctypes.c_size_t()
    library.pthread_attr_init(attributes)
    library.pthread_attr_getstacksize(attributes, ctypes.byref(size))
    return max(1, size.value)


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


def _space_left() -> int | None:
    """Bytes of address space left to this process; None without a limit."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY or not os.path.exists(STATUS):
        return None
    with open(STATUS, "rb") as file:
        return max(0, limit - int(file.read().split()[0]) * resource.getpagesize())


def _check_space(name: str) -> None:
    left = _space_left()
    if left is not None and left < AMPLE and not _can_be_loaded(name):
        raise UserError(
            f"ulimit -v: {name} cannot be loaded into the {amount(left)} of address space left; raise the limit"
        )


def _can_be_loaded(name: str) -> bool:
    """Whether a copy of this process can import the library and has RESERVE left.

    With too little, OpenBLAS exits, hangs or sends a signal, C++ aborts for want of memory to tell so in, torch ends by
    a segmentation fault, and numpy tells a page about broken installations. What they need differs between releases.
    """
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _without_words()
            importlib.import_module(name)
            mmap.mmap(-1, RESERVE)
            status = 0
        except ModuleNotFoundError:  # which is to be said instead
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _without_words() -> None:
    """From here on this process may be ended by a signal or by time, with no message and no core."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Guard)]
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    for number in (signal.SIGALRM, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.alarm(PATIENCE)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (1, 2):
        os.dup2(nothing, standard)

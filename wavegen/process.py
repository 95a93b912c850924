"""What a training process holds while it runs: torch's threads, its folder's lock, and the signals that end it."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import torch

from wavegen.errors import UserError


@contextlib.contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Lets torch use that many threads inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def keep_freed_memory() -> None:
    """Lets this process keep what it frees: steps of training ask for the same again.

    New pages cost a fifth of a step. Where the C library is not glibc nothing changes.
    """
    trim_threshold, mmap_threshold = -1, -3  # mallopt's numbers
    with contextlib.suppress(AttributeError, OSError):
        adjust = ctypes.CDLL(None).mallopt
        adjust(trim_threshold, 2**31 - 1)
        adjust(mmap_threshold, 2**25)  # the most it takes


@contextlib.contextmanager
def interrupt_noted() -> Iterator[threading.Event]:
    """Ctrl-C and SIGTERM inside the block set the event, so that no step and no file is cut in two.

    A second Ctrl-C raises; a SIGTERM does not, since whoever sends one may have sent another signal before.
    A handler of the host's own, or that of a shell which ignores Ctrl-C, stays in place.
    """
    came = threading.Event()

    def note(number: int, _: object) -> None:
        if number == signal.SIGINT and came.is_set():
            raise KeyboardInterrupt
        came.set()

    plain = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    if threading.current_thread() is not threading.main_thread():
        plain = {}
    noted = {number: handler for number, handler in plain.items() if signal.getsignal(number) == handler}
    for number in noted:
        signal.signal(number, note)
    try:
        yield came
    finally:
        for number, handler in noted.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def locked(run: Path) -> Iterator[None]:
    """Holds the run folder's lock. Raises UserError if another process does, or the folder cannot be made."""
    try:
        run.mkdir(parents=True, exist_ok=True)
        file = open(run / ".lock", "w")  # noqa: SIM115 (closed below)
    except OSError as error:
        raise UserError(f"{run}: cannot be written: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(f"{run}: another process is training here; wait for it or give another --run") from error
        yield

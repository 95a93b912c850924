"""What a training process holds while it runs: torch's threads, its folder's lock, and Ctrl-C."""

from __future__ import annotations

import contextlib
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


@contextlib.contextmanager
def interrupt_noted() -> Iterator[threading.Event]:
    """Ctrl-C inside the block sets the event, so that no step and no validation is cut in two; a second one raises.

    A handler of the host's own, or that of a shell which ignores Ctrl-C, stays in place.
    """
    came = threading.Event()

    def note(*_: object) -> None:
        if came.is_set():
            raise KeyboardInterrupt
        came.set()

    main_thread = threading.current_thread() is threading.main_thread()
    if not main_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield came
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield came
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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

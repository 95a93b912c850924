"""The process of a training: torch's threads, the run folder's lock, and signals that end it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from wavegen.errors import UserError
from wavegen.system import signals
from wavegen.system.limits import check_threads, stack_of_a_thread
from wavegen.system.locks import hold

LOCK = ".lock"
TEAMS = 2  # of threads that torch starts: its own and OpenMP's
HEAP = 2**26  # bytes of address space that glibc keeps for what a thread allocates


def set_seed(seed: int) -> None:
    """Seeds torch's random numbers."""
    torch.manual_seed(seed)


@contextlib.contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Lets torch use that many threads inside the block. Raises UserError if they cannot be started."""
    room = TEAMS * stack_of_a_thread() + HEAP
    check_threads(threads, "training.threads", teams=TEAMS, room=room)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def keep_freed_memory() -> None:
    """Makes this process keep the memory it frees: the next step of training asks for the same again.

    New pages cost a fifth of a step. Nothing changes where the C library is not glibc.
    """
    trim_threshold, mmap_threshold = -1, -3  # mallopt's numbers
    with contextlib.suppress(AttributeError, OSError):
        adjust = ctypes.CDLL(None).mallopt
        adjust(trim_threshold, 2**31 - 1)
        adjust(mmap_threshold, 2**25)  # the most it takes


class Interrupt(threading.Event):
    """Set by a signal that asks the work to end; `number` is the first signal."""

    number: int = signal.SIGINT

    def __init__(self, in_any: Callable[[bool], bool]):
        super().__init__()
        self._in_any = in_any

    def came(self) -> bool:
        """Whether it is set in any of the processes that work together; all ask at the same time."""
        return self._in_any(self.is_set())

    def error(self) -> KeyboardInterrupt:
        """The exception to raise when all is saved."""
        return KeyboardInterrupt() if self.number == signal.SIGINT else signals.Ended(self.number)


@contextlib.contextmanager
def interrupt_noted(in_any: Callable[[bool], bool] = bool) -> Iterator[Interrupt]:
    """Lets Ctrl-C, SIGTERM and SIGHUP inside the block set the event, so that no step and no file is cut in two.

    A second Ctrl-C raises; the others do not, since their sender may have sent another signal before. A handler of the
    host program stays in place, and so does that of a shell or of nohup which ignores a signal. `in_any` says whether
    something is so in any of the processes that work together.
    """
    came = Interrupt(in_any)

    def note(number: int, _: object) -> None:
        if came.is_set():
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            return
        came.number = number
        came.set()

    with signals.handled(note):
        yield came


@contextlib.contextmanager
def locked(run: Path) -> Iterator[None]:
    """Holds the run folder's lock. Raises UserError if another process does, or the folder cannot be made.

    If the block raises with nothing but the lock in the folder, the folders that this made are removed again.
    """
    made = [folder for folder in (run, *run.parents) if not folder.exists()]
    try:
        run.mkdir(parents=True, exist_ok=True)
        file = open(run / LOCK, "w")  # noqa: SIM115 (closed below)
    except OSError as error:
        raise UserError(f"{run}: cannot be written: {error.strerror}") from error
    with file:
        try:
            held = hold(file, run) and os.path.samestat(os.fstat(file.fileno()), os.stat(run / LOCK))
        except OSError as error:
            raise UserError(f"{run}: cannot be locked: {error.strerror}") from error
        if not held:
            raise UserError(
                f"{run}: another process is training here; wait for it or give another `run`", parameter="run"
            )
        try:
            yield
        except BaseException:
            _remove_empty(run, made)
            raise


def _remove_empty(run: Path, made: list[Path]) -> None:
    """Removes the lock, which is held, and the folders that were made, the innermost first, if that is all there is."""
    with contextlib.suppress(OSError):
        if os.listdir(run) == [LOCK]:
            (run / LOCK).unlink()
            for folder in made:
                folder.rmdir()

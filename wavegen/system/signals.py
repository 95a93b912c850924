"""Signals that end the program raise an exception, so that what is temporary is removed on the way out."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

PATIENCE = 0.05  # seconds until a signal that was dropped comes again
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ended(KeyboardInterrupt):
    """A signal ended the work: `number`. Like Ctrl-C, it is no Exception, so that nobody takes it for a failure."""

    def __init__(self, number: int, message: str = ""):
        super().__init__(*([message] if message else []))
        self.number = number


def number_of(error: KeyboardInterrupt) -> int:
    """The signal that raised the exception."""
    return error.number if isinstance(error, Ended) else signal.SIGINT


class Raiser:
    """A handler of signals that raises Ended; `came` is the first signal that did, None before.

    Ctrl-C raises each time. The others raise once, so that a second does not disturb the cleaning up after the first,
    but again if nothing of the first is under way: C code drops exceptions in silence, as torch's does while it is
    imported.
    """

    came: int | None = None

    def __call__(self, number: int, _: object) -> None:
        if self.came is not None and number != signal.SIGINT and _is_under_way():
            return
        self.came = number if self.came is None else self.came
        raise Ended(number)


def _is_under_way() -> bool:
    """Whether the interrupted code cleans up after a signal's exception, or one that was made of it."""
    error = sys.exc_info()[1]
    seen = set[int]()
    while error is not None and id(error) not in seen:
        if isinstance(error, KeyboardInterrupt):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


@contextlib.contextmanager
def raising() -> Iterator[Raiser]:
    """ENDING signals raise Ended inside the block, unless they are ignored (nohup) or have a handler of a host's own.

    Gives the handler: libraries may turn its exception into one of theirs.
    """
    raiser = Raiser()
    with handled(raiser), _none_dropped():
        yield raiser


@contextlib.contextmanager
def _none_dropped() -> Iterator[None]:
    """Python drops what a finalizer or a callback raises: inside the block, a signal so lost comes again soon after."""
    before = sys.unraisablehook
    timers = list[threading.Timer]()

    def dropped(what: UnraisableHookArgs) -> None:
        if not isinstance(what.exc_value, KeyboardInterrupt):
            before(what)
            return
        # Not from here, where it would be dropped once more.
        main = threading.main_thread().ident
        timers.append(threading.Timer(PATIENCE, signal.pthread_kill, (main, number_of(what.exc_value))))
        timers[-1].daemon = True
        timers[-1].start()

    sys.unraisablehook = dropped
    try:
        yield
    finally:
        sys.unraisablehook = before
        for timer in timers:
            timer.cancel()


@contextlib.contextmanager
def handled(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Installs `handler` inside the block for each of ENDING whose handler is Python's own or a Raiser.

    Only the main thread can; in others nothing changes.
    """
    here = ENDING if threading.current_thread() is threading.main_thread() else ()
    before = {number: old for number in here if _is_plain(old := signal.getsignal(number))}
    for number in before:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _is_plain(handler: object) -> bool:
    return handler in (signal.SIG_DFL, signal.default_int_handler) or isinstance(handler, Raiser)

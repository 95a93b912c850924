"""Standard streams as a command finds them: closed, full, or with nobody at the other end."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator

from wavegen.errors import UserError
from wavegen.wording import visible


@contextlib.contextmanager
def prepared() -> Iterator[None]:
    """Inside the block stderr takes everything, and what cannot be written to it is lost without harm to the work.

    A closed descriptor of the three is opened on /dev/null, since the next file to be opened would get its number,
    and with it all that libraries print.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, this one
    before = sys.stderr
    if sys.stderr is None or sys.stderr is sys.__stderr__:
        sys.stderr = _Lossy.text()
    try:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")  # file names need not be text
        yield
    finally:
        sys.stderr = before


def check_stdout() -> None:
    """Raises UserError where stdout was closed when the program began: a result would be lost."""
    if sys.stdout is None:
        raise UserError("stdout: is closed; send it somewhere, as with >/dev/null")


def say(text: str, end: str = "\n") -> None:
    """Prints on stdout and flushes. Raises UserError if that cannot be written, BrokenPipeError if nobody reads it."""
    try:
        print(visible(text, lines=True), end=end, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        forget_stdout()
        raise UserError(f"stdout: cannot be written: {error.strerror or error}") from error


def forget_stdout() -> None:
    """Sends the rest of stdout nowhere: Python flushes stdout once more at its end, and would complain."""
    with contextlib.suppress(OSError, ValueError):  # a stdout of a host's own may have no descriptor
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


class _Lossy(io.RawIOBase):
    """Descriptor 2, whose writes never fail."""

    @classmethod
    def text(cls) -> io.TextIOWrapper:
        encoding = getattr(sys.__stderr__, "encoding", None) or "utf-8"
        return io.TextIOWrapper(cls(), encoding, "backslashreplace", write_through=True)  # pyright: ignore[reportArgumentType] (as python -u does)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 2

    def isatty(self) -> bool:
        return os.isatty(2)

    def write(self, data: object, /) -> int:
        left = whole = memoryview(data).cast("B")  # pyright: ignore[reportArgumentType] (a buffer)
        with contextlib.suppress(OSError):
            while left:
                left = left[os.write(2, left) :]
        return len(whole)

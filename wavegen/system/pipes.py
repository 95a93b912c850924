"""Outputs that are written to and never replaced: pipes, devices and this process's own descriptors (/dev/stdout)."""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from pathlib import Path

from wavegen.errors import UserError

PATIENCE = 10.0  # seconds in which a program must open a named pipe for reading
BLOCK = 2**18  # bytes copied at a time
MAX_LINKS = 40  # as the Linux kernel follows
_NAMED = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
_NUMBERED = re.compile(r"/(?:dev|proc/self|proc/thread-self)/fd/(\d+)")


def descriptor_of(path: str | Path) -> int | None:
    """The descriptor of this process that `path` names, as /dev/stdout or a link to it does; None for other paths.

    The system's own resolution does not tell: /dev/stdout redirected into a file resolves to that file.
    """
    target = os.path.abspath(path)
    for _ in range(MAX_LINKS):
        if target in _NAMED:
            return _NAMED[target]
        if (found := _NUMBERED.fullmatch(target)) is not None:
            return int(found[1])
        if not os.path.islink(target):
            return None
        target = os.path.abspath(os.path.join(os.path.dirname(target), os.readlink(target)))
    return None


def is_stream(path: str | Path) -> bool:
    """Whether `path` is to be written to as it stands: a named pipe, a character device, an open descriptor."""
    if descriptor_of(path) is not None:
        return True
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


def is_stdout(path: str | Path) -> bool:
    """Whether writing to `path` is writing to standard output, /dev/null apart."""
    if descriptor_of(path) == 1:
        return True
    try:
        there, stdout, null = os.stat(path), os.fstat(1), os.stat(os.devnull)
    except OSError:
        return False
    return os.path.samestat(there, stdout) and not os.path.samestat(stdout, null)


def open_stream(path: Path) -> int:
    """A descriptor, open for writing, of a path for which `is_stream` holds.

    Waits up to PATIENCE seconds for a named pipe's reader. Raises UserError if none comes or the stream is a
    terminal, OSError if it cannot be opened.
    """
    number = descriptor_of(path)
    if number is not None:
        opened = os.dup(number)
    elif stat.S_ISFIFO(os.stat(path).st_mode):
        opened = _open_pipe(path)
    else:
        opened = os.open(path, os.O_WRONLY | os.O_NOCTTY)
    if os.isatty(opened):
        os.close(opened)
        raise UserError(f"{path}: is a terminal; name a file, or connect a program with |")
    return opened


def _open_pipe(path: Path) -> int:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            opened = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            os.set_blocking(opened, True)
            return opened
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if time.monotonic() > deadline:
                raise UserError(f"{path}: no program reads from this pipe; start one first") from error
        time.sleep(0.02)


def copy_into(stream: int, source: Path) -> None:
    """Writes the contents of the file `source` into the descriptor `stream`. Raises OSError."""
    with open(source, "rb") as file:
        while block := file.read(BLOCK):
            left = memoryview(block)
            while left:
                left = left[os.write(stream, left) :]

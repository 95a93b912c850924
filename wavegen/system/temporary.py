"""Temporary files beside an output: named after the process that writes them, removed when it has ended."""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import itertools
import os
from pathlib import Path

from wavegen.wording import amount

_numbers = itertools.count()


@functools.cache
def here() -> str:
    """8 hex digits for this machine and its set of process numbers, which a container has of its own."""
    with contextlib.suppress(OSError):
        spaces = os.stat("/proc/self/ns/pid").st_ino
        return hashlib.blake2b(f"{os.uname().nodename} {spaces}".encode(), digest_size=4).hexdigest()
    return hashlib.blake2b(os.uname().nodename.encode(), digest_size=4).hexdigest()


def temporary_name(folder: Path) -> Path:
    """A name of its own in `folder`, from which what killed processes left is removed.

    The name is short, since the file that it becomes may have the longest name that the file system takes. It holds
    the process's number, by which such files are known.
    """
    remove_stale(folder)
    return folder / f".{here()}.{os.getpid()}.{next(_numbers)}.part"


def remove(path: Path, process: int) -> None:
    if os.getpid() == process:  # a fork's exit is no end of the work
        _take_away(path)


def _take_away(path: str | Path) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)
        return
    with contextlib.suppress(OSError):  # of `check_replaceable`, which something has stopped
        os.rmdir(path)


@functools.lru_cache(maxsize=64)  # once a folder: thousands of outputs may go into one
def remove_stale(folder: Path) -> None:
    """Removes the temporary files of processes of this machine that have ended."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            parts = entry.name.split(".")
            if len(parts) == 5 and parts[1] == here() and parts[4] == "part" and not _lives(parts[2]):
                _take_away(entry.path)


def _lives(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    except PermissionError:
        pass  # another user's
    return True


def check_replaceable(path: Path, temporary: Path) -> None:
    """Raises OSError if a file at `path` may not be replaced: another user's in a sticky folder, an immutable one.

    No permission bit tells. A file renamed onto a folder never goes anywhere, but is refused for its own sake first.
    """
    if os.path.lexists(path):
        temporary.mkdir()
        try:
            path.rename(temporary)
        except (IsADirectoryError, FileExistsError, FileNotFoundError):  # which says nothing against the file
            pass
        finally:
            temporary.rmdir()


def make(path: Path, size: int) -> None:
    """Makes a file of `size` allocated bytes, with the mode that the umask says.

    Raises OSError, which says how much is free if that is too little.
    """
    try:
        with open(path, "xb") as file:
            if size:
                os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):  # the file system cannot tell beforehand
            return
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            status = os.statvfs(path.parent)
            free = status.f_bavail * status.f_frsize
            why = f"needs {amount(size)}, {amount(free)} are free"
            raise OSError(error.errno, f"{error.strerror}; {why}") from error
        raise

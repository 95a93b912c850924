"""Files that are either whole or absent: written beside their place, synced, then renamed into it."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path

from wavegen.errors import UserError
from wavegen.system import pipes
from wavegen.system.temporary import check_replaceable, make, remove, remove_stale, temporary_name
from wavegen.wording import amount


class Output:
    """The place of one file, checked and taken before the work whose result it is to hold.

    Opening it makes a temporary file beside `path`, of `size` bytes where the size is known, so that a place that
    cannot be written, a full disk and a name that is too long are met before the work. `filled` puts the result in
    place, after which `whole` is true. Pipes, devices and /dev/stdout are written to when the result is whole. Closing
    removes what is temporary.

    Args:
        path: where the file is to be.
        force: replace a file that is there. Folders, disks and sockets are never replaced; of a symbolic link what it
            leads to is, and the link stays.
        size: bytes that are reserved; 0 if unknown.

    Raises UserError, naming `path`.
    """

    def __init__(self, path: str | Path, force: bool = False, size: int = 0):
        self.path = Path(path)
        self.force = force
        self.whole = False
        self._stream: int | None = None
        self._remove: weakref.finalize[..., Output] | None = None
        with _named(self.path):
            check_place(self.path, force)
            self._place = _place_of(self.path) if force else self.path
            try:
                if pipes.is_stream(self.path):
                    self._stream = pipes.open_stream(self.path)
                folder = self._place.parent if self._stream is None else Path(tempfile.gettempdir())
                self._temporary = temporary_name(folder)
                # Before there is a file: a signal may come between any two lines.
                self._remove = weakref.finalize(self, remove, self._temporary, os.getpid())
                if force and self._stream is None:
                    check_replaceable(self._place, self._temporary)
                make(self._temporary, size)
            except BaseException:
                self.close()
                raise

    def __enter__(self) -> Output:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Removes the temporary file; what `filled` has put in place stays."""
        if self._remove is not None:
            self._remove()
        if self._stream is not None:
            os.close(self._stream)
            self._stream = None

    @contextlib.contextmanager
    def filled(self) -> Iterator[Path]:
        """Gives the temporary path to write to; when the block ends well, its contents go to `path`.

        If the block raises, `path` stays as it was. Raises UserError if the place cannot be written or, without
        `force`, if a file has come to be there in the meantime.
        """
        with _named(self.path):
            yield self._temporary
            if self._stream is not None:
                pipes.copy_into(self._stream, self._temporary)
                self.whole = True
                return
            with open(self._temporary, "rb") as file:
                os.fsync(file.fileno())
            if self.force:
                self._temporary.replace(self._place)
            else:
                _move_to_new(self._temporary, self._place)
            self.whole = True


Target = str | Path | Output  # what functions that write a file take


def path_of(target: Target) -> Path:
    """The path that the file will have."""
    return target.path if isinstance(target, Output) else Path(target)


@contextlib.contextmanager
def opened(target: Target, force: bool = False) -> Iterator[Output]:
    """The target as an Output: itself, open for longer than the block, or of a path by the rule of `force`."""
    if isinstance(target, Output):
        yield target
        return
    with Output(target, force) as output:
        yield output


@contextlib.contextmanager
def replacing(target: Target, force: bool = True) -> Iterator[Path]:
    """Gives a temporary path whose contents take the place of `target` when the block ends well.

    If the block raises, the target stays as it was. Raises UserError, naming it, when the folder cannot be written,
    the disk is full, or there is a file already and neither `force` nor an Output's own rule lets it be replaced.
    """
    with opened(target, force) as output, output.filled() as temporary:
        yield temporary


def check_place(path: str | Path, force: bool = False) -> None:
    """Raises UserError unless `path` can become a file: it is in a folder that is there, and free unless `force`."""
    path = Path(path)
    with _named(path):
        if pipes.is_stream(path):
            return
        if not os.path.isdir(path.parent):
            raise UserError(f"{path}: cannot be written: there is no folder {path.parent}; make it first")
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            return
        if os.path.isdir(path):
            raise UserError(f"{path}: is a folder; name a file")
        if force and stat.S_ISLNK(mode):
            mode = _mode_behind(path)
        if stat.S_ISBLK(mode) or stat.S_ISSOCK(mode):
            raise UserError(f"{path}: is a {'disk' if stat.S_ISBLK(mode) else 'socket'}; name a file")
        if not force:
            remove_stale(path.parent)  # no later output may come to take away what a kill left beside this one
            said = "exists already; name another file, or give `force=True` to replace it"
            raise UserError(f"{path}: {said}", parameter="force")


def _mode_behind(path: Path) -> int:
    """The mode of what a link leads to; 0 where there is nothing yet, but can be. Raises UserError, OSError."""
    try:
        return os.stat(path).st_mode
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UserError(f"{path}: is a link that leads back to itself; remove it, or name another file") from error
        if error.errno not in (errno.ENOENT, errno.ENOTDIR):
            raise
        place = _place_of(path)
        if not place.parent.is_dir():
            raise UserError(
                f"{path}: is a link to {place}, and there is no folder {place.parent}; make it first"
            ) from error
        return 0


def _place_of(path: Path) -> Path:
    """The path that is written to: of a symbolic link its target, as with cp and every shell."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def check_room(sizes: Mapping[Path, int]) -> None:
    """Raises UserError unless there is room for files of so many bytes each, together, before the first is written."""
    wanted: dict[Path, int] = {}
    for path, size in sizes.items():
        if not pipes.is_stream(path):
            folder = _place_of(path).parent
            wanted[folder] = wanted.get(folder, 0) + size
    for folder, size in wanted.items():
        status = os.statvfs(folder)
        free = status.f_bavail * status.f_frsize
        if status.f_blocks and free < size:  # some file systems do not say
            raise UserError(
                f"{folder}: needs {amount(size)}, {amount(free)} are free; make room or name another folder"
            )


def check_suffix(path: Path, suffix: str, kind: str) -> None:
    """Raises UserError if `path` names a folder, or a file of another kind than what is written; a stream takes all."""
    if pipes.is_stream(path) or path.suffix.lower() == suffix:
        return
    if os.path.isdir(path):  # what has no name, as "/" or "", is one too
        raise UserError(f"{path}: is a folder; name a file")
    raise UserError(f"{path}: what is written is {kind}; name it {path.with_suffix(suffix).name}")


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Turns OSError inside the block into UserError about `path`; a stdout that nobody reads ends as it always does."""
    try:
        yield
    except BrokenPipeError:
        if pipes.descriptor_of(path) == 1:
            raise
        raise UserError(f"{path}: the program that read it has ended") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from error


def _move_to_new(temporary: Path, path: Path) -> None:
    """Renames, but never onto a file. Raises UserError if there is one."""
    try:
        os.link(temporary, path)
    except FileExistsError as error:
        raise UserError(f"{path}: has come to exist in the meantime and is kept; name another file") from error
    except OSError:  # a file system without hard links
        check_place(path)
        temporary.replace(path)
    else:
        temporary.unlink()

"""The folder that a corpus is made in: hidden, kept when the work is interrupted, put in place when it is done."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NoReturn

from wavegen.data.format import DESCRIPTION, LINES, PCM, ROWS
from wavegen.errors import UserError, unreadable
from wavegen.system.locks import hold
from wavegen.system.signals import Ended, number_of

LOCK, PURPOSE = ".lock", "purpose.json"
MARK = DESCRIPTION  # the last file to come, the first to go
BEFORE_MARK = {LINES, ROWS, PCM}  # are all that a kill leaves while files are put in place
INSIDE = ".preparing"
LONGEST = 255  # bytes of a name, in the file systems of Linux
OF_A_VOLUME = {"lost+found"}  # what an empty file system of its own may hold


class KeptWorkError(UserError):
    """An error for the user to mend after which the same command goes on where it stopped."""


@contextlib.contextmanager
def work_folder(corpus: Path, force: bool = False) -> Iterator[Path]:
    """Gives a folder whose files become `corpus` when the block ends well; what an interrupted run left is in it.

    It lies beside a corpus that is still to come, and inside a folder that is there: that may be a mount point, which
    can neither be removed nor replaced, in a folder that cannot be written. `force` lets a corpus be replaced, no other
    folder. What is for the user to mend removes what this run has made, an interruption does not. Raises UserError
    when there is a folder that is not empty, when another process works on it, or when it cannot be written.
    """
    _check_free(corpus, force)
    corpus = corpus.resolve()
    folder = corpus / INSIDE if corpus.exists() else _beside(corpus)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / LOCK, "w") as lock:
            if not hold(lock, corpus):
                raise UserError(f"{corpus}: another process prepares it; wait for it or name another folder")
            _check_free(corpus, force)  # again: another process may just have ended
            begun = _begun(folder)
            try:
                yield folder
            except KeptWorkError:
                raise
            except MemoryError as error:
                raise KeptWorkError(f"{corpus}: too little memory; free some, and the same command goes on") from error
            except KeyboardInterrupt as error:
                _say_where(error, folder, corpus)
            except (UserError, OSError):  # no more: what a bug or a signal stops need not be done again
                if begun is None or _begun(folder) != begun:  # an earlier run's work stays until it is taken up
                    shutil.rmtree(folder, ignore_errors=True)
                raise
            _put_in_place(folder, corpus)
    except OSError as error:
        if not _is_of((folder, corpus), error):
            raise unreadable(error.filename, error) from error
        raise UserError(f"{corpus}: cannot be written: {error.strerror or error}") from error


def _is_of(written: tuple[Path, ...], error: OSError) -> bool:
    """Whether the system refused to write in one of the folders `written`, or to make it, and not to read a source."""
    if not isinstance(error.filename, str):
        return True
    named = Path(error.filename).absolute()
    return any(named.is_relative_to(folder) or folder.is_relative_to(named) for folder in written)


def _beside(corpus: Path) -> Path:
    """The hidden folder next to a corpus that is still to come; the corpus may have the longest name there is."""
    name = corpus.name
    if len(os.fsencode(f".{name}{INSIDE}")) > LONGEST:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
    return corpus.with_name(f".{name}{INSIDE}")


def _check_free(corpus: Path, force: bool) -> None:
    """Raises UserError unless a corpus can come to `corpus`."""
    if not corpus.exists():
        return
    try:
        names = set(os.listdir(corpus))
    except OSError as error:
        raise UserError(f"{corpus}: exists already and is no folder that can be read: {error.strerror}") from error
    held = names - OF_A_VOLUME - {INSIDE}
    if not held or (force and MARK in held) or (INSIDE in names and held <= BEFORE_MARK):
        return
    if MARK in held:
        said = "exists already; name another folder, or give `force=True` to replace the corpus"
        raise UserError(f"{corpus}: {said}", parameter="force")
    raise UserError(f"{corpus}: exists already and is no corpus; name another folder")


def _say_where(error: KeyboardInterrupt, folder: Path, corpus: Path) -> NoReturn:
    """Raises the interruption again with what is left of the work; removes the folder if nothing has begun."""
    if _begun(folder) is None:
        shutil.rmtree(folder, ignore_errors=True)
        raise error
    kept = f"interrupted: {corpus}: the same command goes on from here (the work is in {folder})"
    raise Ended(number_of(error), kept) from error


def _put_in_place(folder: Path, corpus: Path) -> None:
    """Makes the finished `folder` the corpus. Raises UserError that says where it is if that fails."""
    try:
        if folder.parent != corpus:
            folder.replace(corpus)
            (corpus / LOCK).unlink()  # not before: nobody else may hold what is still to be renamed
            return
        names = sorted(set(os.listdir(folder)) - {LOCK}, key=lambda name: name == MARK)
        for name in [MARK, *names]:
            (corpus / name).unlink(missing_ok=True)
        for name in names:
            (folder / name).replace(corpus / name)
        (folder / LOCK).unlink()
        folder.rmdir()
    except OSError as error:
        why = f"cannot be written: {error.strerror or error}"
        raise UserError(f"{corpus}: {why}; the corpus is finished and lies in {folder}, move it yourself") from error


def keep_if_for(folder: Path, purpose: Mapping[str, object], besides: str = LOCK) -> None:
    """Empties the folder, but for the file `besides`, unless it was begun for the same purpose, any JSON object."""
    wanted = json.dumps(purpose)
    file = folder / PURPOSE
    if file.is_file() and file.read_text(encoding="ascii") == wanted:
        os.utime(file)  # taken up: it is this run's now
        return
    for path in folder.iterdir():
        if path.name not in (LOCK, besides):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    file.write_text(wanted, encoding="ascii")


def _begun(folder: Path) -> int | None:
    """When the work in the folder was last taken up, in nanoseconds; None if there is none."""
    with contextlib.suppress(OSError):
        return (folder / PURPOSE).stat().st_mtime_ns
    return None

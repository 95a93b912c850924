"""The folder that a corpus is made in: hidden beside it, kept when the work is interrupted, renamed when it is done."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wavegen.errors import UserError

LOCK, PURPOSE = ".lock", "purpose.json"


@contextlib.contextmanager
def work_folder(corpus: Path) -> Iterator[Path]:
    """Gives a folder that becomes `corpus` when the block ends well; what an interrupted run left is in it.

    What is for the user to mend removes what this run has made, an interruption does not. Raises UserError when
    `corpus` exists already and is no empty folder, when another process works on it, or when it cannot be written.
    """
    if corpus.exists() and not (corpus.is_dir() and not any(corpus.iterdir())):
        raise UserError(f"{corpus}: exists already; remove it or name another folder")
    corpus = corpus.resolve()
    folder = corpus.with_name(f".{corpus.name}.preparing")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / LOCK, "w") as lock:
            _hold(lock, corpus)
            begun = _begun(folder)
            try:
                yield folder
                if corpus.exists():
                    corpus.rmdir()
                folder.replace(corpus)
                (corpus / LOCK).unlink()  # not before: nobody else may hold what is still to be renamed
            except (UserError, OSError):  # no more: what a killed reader or a bug stops need not be done again
                if begun is None or _begun(folder) != begun:  # an earlier run's work stays until it is taken up
                    shutil.rmtree(folder, ignore_errors=True)
                raise
    except OSError as error:
        raise UserError(f"{corpus}: cannot be written: {error.strerror or error}") from error


def keep_if_for(folder: Path, purpose: dict[str, Any], besides: str = LOCK) -> None:
    """Empties the folder, but for the file `besides`, unless it was begun for the same purpose, any JSON object."""
    wanted, file = json.dumps(purpose), folder / PURPOSE
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


def _hold(lock: Any, corpus: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UserError(f"{corpus}: another process prepares it; wait for it or name another folder") from error

"""Folders for outputs, which a failure leaves as little of as of the outputs themselves."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path

from wavegen.errors import UserError


@contextlib.contextmanager
def folders_made(folders: Collection[Path]) -> Iterator[None]:
    """Makes the folders that are not there, and removes what is left empty of them if the block fails.

    Raises UserError if one cannot be made.
    """
    new: list[Path] = []
    try:
        for folder in sorted(folders):
            for each in reversed([folder, *folder.parents]):
                if not os.path.lexists(each):
                    _make(each)
                    new.append(each)
        yield
    except BaseException:
        for folder in reversed(new):
            with contextlib.suppress(OSError):  # it holds what is whole
                folder.rmdir()
        raise


def _make(folder: Path) -> None:
    try:
        folder.mkdir()
    except OSError as error:
        raise UserError(f"{folder}: cannot be made: {error.strerror or error}") from error

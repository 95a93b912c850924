"""The layout of a known corpus: where its recordings lie, their splits, and their official numbers."""

from __future__ import annotations

import errno
import importlib
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wavegen.audio.names import order
from wavegen.errors import UserError, unreadable
from wavegen.system.optional import TORCHAUDIO, fault
from wavegen.system.text import read_lines

OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}
OWN = "own"  # part of recordings that are laid out like a known corpus and are not of it


@dataclass(frozen=True)
class Listed:
    """A recording as its corpus lists it, there or not; `part` is the unit that the corpus counts its files by."""

    id: str
    path: Path
    split: str | None = None
    speaker: str | None = None
    transcript: str | None = None
    part: str = "all"


@dataclass(frozen=True)
class Count:
    """The usable files and speakers of a part; None where the number is not known."""

    files: int | None = None
    speakers: int | None = None


@dataclass(frozen=True)
class Layout:
    """A known corpus: `recordings` gives what lies in a folder, in the order of the ids; `parts` is what should.

    `sample_rate` is the official one; what lies there is read at its own, which the audit compares with it.
    `split_by` is "official" where every recording comes with its split. `untranscribed` recordings have no text.
    """

    name: str
    sample_rate: int
    split_by: str
    recordings: Callable[[Path], Iterator[Listed]]
    download: Callable[[Path], None]
    parts: Mapping[str, Count] = field(default_factory=dict)
    untranscribed: int = 0

    def listed(self, folder: Path) -> Iterator[Listed]:
        """`recordings`, with an unreadable folder on the way named as such. Raises UserError."""
        try:
            yield from self.recordings(folder)
        except OSError as error:
            raise unreadable(error.filename or folder, error) from error


def root_of(folder: Path, marker: str, *names: str) -> Path:
    """`folder` itself, or the one of `names` in it, that holds `marker`; raises UserError if none does."""
    for root in (folder, *(folder / name for name in names)):
        if (root / marker).exists():
            return root
    if not folder.exists():
        raise UserError(f"{folder}: no such folder; get the corpus first, or give `fetch=True`", parameter="fetch")
    if not folder.is_dir():
        raise UserError(f"{folder}: is a file; unpack it, and name the folder")
    tried = " or ".join(str(root) for root in (folder, *(folder / name for name in names)))
    raise UserError(f"{folder}: {marker} is missing; looked for it in {tried}")


def names_in(folder: Path, suffix: str = "") -> list[str]:
    """The names in a folder that end in `suffix`, in any case, sorted, without hidden ones. Raises UserError."""
    try:
        names = [name for name in os.listdir(folder) if not name.startswith(".")]
        return sorted((name for name in names if name.lower().endswith(suffix)), key=order)
    except OSError as error:
        raise unreadable(folder, error) from error


def text_of(file: Path) -> str | None:
    """The transcript in `file`; None if there is no such file."""
    return " ".join(" ".join(read_lines(file)).split()) or None if file.is_file() else None


def download(layout: Layout, folder: Path) -> None:
    """Fetches the corpus into `folder` with torchaudio, which skips what is there.

    Raises UserError if that fails, and before anything else where torchaudio is missing or cannot be loaded.
    """
    by_hand = "get it by hand, as its recipe's README says"
    try:
        importlib.import_module("torchaudio.datasets")
    except Exception as error:  # of whatever kind: it loads libraries of others
        raise UserError(f"{layout.name} cannot be downloaded: {fault(TORCHAUDIO, error)}, or {by_hand}") from error
    existed = folder.exists()
    failed = f"{folder}: {layout.name} cannot be downloaded: {{}}; {{}}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        layout.download(folder)
    except ImportError as error:  # torchaudio asks for more of its parts
        raise UserError(f"{layout.name} cannot be downloaded: {fault(TORCHAUDIO, error)}, or {by_hand}") from error
    except OSError as error:
        if error.errno in OF_THE_DISK:
            raise UserError(f"{error.filename or folder}: cannot be written: {error.strerror}") from error
        raise UserError(failed.format(_said(error), f"try again, or {by_hand}")) from error
    except (RuntimeError, EOFError, tarfile.TarError, zipfile.BadZipFile) as error:  # of a hash or an archive
        cure = f"remove the archive in {folder}, which is damaged or cut short, and try again, or {by_hand}"
        raise UserError(failed.format(_said(error), cure)) from error
    finally:
        if not existed and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _said(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__

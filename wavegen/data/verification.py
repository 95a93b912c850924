"""Checks that a corpus's samples are those that were prepared, by the content hash of each recording.

A corpus is copied, moved and kept for years, and half a copy has the size of a whole one. Each command checks the
recordings that it is going to use. SHA-256 runs at 1 to 1.5 GB/s a thread on CPUs with instructions for it, so that 25
minutes of speech take 20 ms; a corpus of STAMP_FROM bytes or more notes in `verified.json` beside it which splits were
found whole, and is checked again once its files are other ones or were written to.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypedDict

import numpy as np

from wavegen.data.corpus import Corpus
from wavegen.data.format import LINES, PCM
from wavegen.data.index import DAMAGES, Recordings
from wavegen.data.splits import SPLITS
from wavegen.errors import UserError, unreadable
from wavegen.system.atomic import replacing
from wavegen.system.machine import cpus
from wavegen.system.progress import progress_bar

STAMP, STAMP_FROM = "verified.json", 2**32  # bytes, some seconds' work
MAX_THREADS = 8
BYTES_AT_ONCE = 2**22
PORTION = 2**25  # bytes of recordings that a thread takes at once, and one recording at least
ROUND_SECONDS = 5.0  # after which `rounds` gives back control


class _Stamp(TypedDict):
    """`verified.json`: the files as they were (None where absent), and the splits that were found whole."""

    files: dict[str, list[int] | None]
    splits: list[str]


def verify(corpus: Corpus, splits: Collection[str], progress: bool = False) -> None:
    """Raises UserError unless all recordings of the splits have the samples that they were prepared with."""
    verification = Verification(corpus, splits, progress=progress)
    for _ in verification.rounds():
        pass
    verification.stamp()


class Verification:
    """The check of one process, which takes a share of the recordings where `processes` of a machine divide them up."""

    def __init__(
        self, corpus: Corpus, splits: Collection[str], process: int = 0, processes: int = 1, progress: bool = False
    ):
        self.corpus = corpus
        self.splits = splits
        self.process = process
        self.progress = progress
        self.before = _looks(corpus.path)
        rows = corpus.recordings.rows
        rows = rows[np.isin(rows["split"], [SPLITS.index(split) for split in splits])]
        self.bytes = 2 * int(rows["samples"].sum())
        share = np.array_split(np.arange(len(rows)), processes)[process] if processes > 1 else slice(None)
        self.recordings = Recordings(corpus.recordings.file, rows[share])
        self.threads = max(1, min(cpus() // processes, MAX_THREADS))

    def rounds(self) -> Iterator[None]:
        """Checks, giving back control every few seconds. Raises UserError if a recording is not what it was."""
        if self._is_stamped():
            return
        due = time.monotonic() + ROUND_SECONDS
        damaged = []
        total = 2 * int(self.recordings.rows["samples"].sum())
        label = f"checking {self.corpus.path}" if self.progress else None
        with (
            _opened(self.corpus.path / PCM) as pcm,
            ThreadPoolExecutor(self.threads) as pool,
            progress_bar(total, label, "B", delay=1) as bar,
        ):
            for portions in _several(self._portions(), 2 * self.threads):
                for size, found in pool.map(lambda portion: _check(self.corpus.path, pcm, portion), portions):
                    bar.update(size)
                    damaged += found
                if time.monotonic() >= due:
                    self._stop_if(damaged)
                    yield
                    due = time.monotonic() + ROUND_SECONDS
            self._stop_if(damaged)

    def stamp(self) -> None:
        """Notes beside a large corpus that it was found whole, if its folder can be written."""
        if self.bytes < STAMP_FROM or self.process or None in self.before.values() or self._is_stamped():
            return
        known = _stamp(self.corpus.path)
        splits = set(self.splits)
        if known is not None and known["files"] == self.before:
            splits |= set(known["splits"])
        about = {"files": self.before, "splits": sorted(splits)}
        with contextlib.suppress(UserError, OSError), replacing(self.corpus.path / STAMP) as temporary:
            temporary.write_text(json.dumps(about) + "\n", encoding="ascii")

    def _is_stamped(self) -> bool:
        stamp = _stamp(self.corpus.path) if self.bytes >= STAMP_FROM else None
        return stamp is not None and stamp["files"] == self.before and set(self.splits) <= set(stamp["splits"])

    def _portions(self) -> Iterator[Recordings]:
        """The recordings in parts of PORTION bytes, or of one recording where that is larger."""
        ends = 2 * np.cumsum(self.recordings.rows["samples"])
        start = 0
        while start < len(ends):
            before = int(ends[start - 1]) if start else 0
            stop = max(start + 1, int(np.searchsorted(ends, before + PORTION, side="right")))
            yield self.recordings[start:stop]
            start = stop

    def _stop_if(self, damaged: Sequence[str]) -> None:
        if damaged:
            others = f" and {len(damaged) - 1} more" if len(damaged) > 1 else ""
            raise UserError(
                f"{self.corpus.path}: recording {damaged[0]}{others}: the samples in {PCM} are not those that were "
                "prepared (changed, or damaged in a copy); copy the corpus again, or prepare it again"
            )


def _check(path: Path, pcm: int, portion: Recordings) -> tuple[int, list[str]]:
    """The bytes of the recordings together, and the ids of those whose samples have changed."""
    size = 0
    damaged = []
    try:
        for recording in portion:
            if _hash(pcm, 2 * recording.offset, 2 * recording.samples) != recording.content_hash:
                damaged.append(recording.id)
            size += 2 * recording.samples
    except OSError as error:
        raise unreadable(path, error, "copy the corpus again") from error
    except DAMAGES as error:
        raise UserError(f"{path / LINES}: damaged; copy the corpus again, or prepare it again") from error
    return size, damaged


def _hash(file: int, offset: int, size: int) -> str:
    """The content hash of a part of a file. Read, and not mapped: what a disk cannot read is an error, not a crash."""
    digest = hashlib.sha256()
    end = offset + size
    while offset < end and (chunk := os.pread(file, min(BYTES_AT_ONCE, end - offset), offset)):
        digest.update(chunk)
        offset += len(chunk)
    return digest.hexdigest()


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise unreadable(path, error, "prepare the corpus again") from error
    try:
        yield file
    finally:
        os.close(file)


def _several(portions: Iterator[Recordings], number: int) -> Iterator[list[Recordings]]:
    """Lists of so many, the last one perhaps shorter."""
    while several := [portion for _, portion in zip(range(number), portions, strict=False)]:
        yield several


def _looks(folder: Path) -> dict[str, list[int] | None]:
    """Inode, size and times of the corpus's files, which change when one is written; None for one that is not there."""
    looks: dict[str, list[int] | None] = {}
    for name in (LINES, PCM):
        try:
            status = os.stat(folder / name)
            looks[name] = [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]
        except OSError:
            looks[name] = None
    return looks


def _stamp(folder: Path) -> _Stamp | None:
    """The stamp; None if there is none that can be read."""
    try:
        found = json.loads((folder / STAMP).read_bytes())
        if set(found["splits"]) <= set(SPLITS) and isinstance(found["files"], dict):
            return found
    except (OSError, *DAMAGES):
        pass
    return None

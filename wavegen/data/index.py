"""The index of a corpus: a line of JSON a recording, and a table of where each lies, so that none need be held."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import struct
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from types import NoneType
from typing import overload

import numpy as np

from wavegen.data.format import LINES, ROWS, IndexSummary
from wavegen.data.splits import SPLITS
from wavegen.errors import UserError, unreadable
from wavegen.models.forms import Form

ROW = struct.Struct("<qqqB")
ROW_TYPE = np.dtype([("line", "<i8"), ("offset", "<i8"), ("samples", "<i8"), ("split", "u1")])


@dataclass(frozen=True)
class Recording:
    """One line of index.jsonl; `offset` and `samples` count int16 values in pcm.i16, `source` is the original file.

    `transcript` is what is said, where the corpus tells; lines without one leave it out.
    """

    id: str
    split: str
    speaker: str | None
    offset: int
    samples: int
    content_hash: str
    source: str
    transcript: str | None = None

    def line(self) -> bytes:
        """The recording as a line of index.jsonl."""
        entry = asdict(self)
        if self.transcript is None:
            del entry["transcript"]
        return json.dumps(entry).encode() + b"\n"

    @classmethod
    def of_line(cls, line: bytes) -> Recording:
        """The recording that a line says; raises one of DAMAGES for one that is damaged."""
        entry = json.loads(line)
        made = cls(**{name: entry[name] for name in REQUIRED}, transcript=entry.get("transcript"))
        if not all(type(getattr(made, name)) in types for name, types in TYPES.items()):
            raise TypeError("a value of another type than was written")
        return made


REQUIRED = [field.name for field in fields(Recording) if field.default is MISSING]
TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("id", "split", "content_hash", "source"), (str,)),
    **dict.fromkeys(("speaker", "transcript"), (str, NoneType)),
    **dict.fromkeys(("offset", "samples"), (int,)),
}
DAMAGES = (ValueError, KeyError, TypeError, RecursionError)  # of JSON that something else has written


class Recordings(Sequence[Recording]):
    """Recordings of a corpus, each read from index.jsonl when it is asked for.

    `rows` is (recordings,) of ROW_TYPE: the byte at which the line starts, offset and length in pcm.i16, and the
    split's number.
    """

    def __init__(self, file: Path, rows: np.ndarray):
        self.file, self.rows = file, rows

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Recording: ...
    @overload
    def __getitem__(self, index: slice) -> Recordings: ...
    def __getitem__(self, index: int | slice) -> Recording | Recordings:
        if isinstance(index, slice):
            return Recordings(self.file, self.rows[index])
        return next(iter(Recordings(self.file, self.rows[index][None])))

    def __iter__(self) -> Iterator[Recording]:
        with open(self.file, "rb") as file:
            for start in self.rows["line"]:
                file.seek(start)
                yield Recording.of_line(file.readline())

    def of_split(self, name: str) -> Recordings:
        """Those of the train, validation or test split, in the same order."""
        return Recordings(self.file, self.rows[self.rows["split"] == SPLITS.index(name)])


class Fingerprint:
    """16 hex digits that change if any sample, id or split does, or the sample rate or picture shape."""

    def __init__(self, form: Form):
        self.digest = hashlib.sha256(f"{form}\n".encode())

    def add(self, recording: Recording) -> None:
        self.digest.update(json.dumps([recording.id, recording.split, recording.content_hash]).encode() + b"\n")

    def hex(self) -> str:
        return self.digest.hexdigest()[:16]


class IndexWriter:
    """Writes the index into a folder, recording after recording, each with its split and offset."""

    def __init__(self, folder: Path, form: Form):
        self.form, self.fingerprint = form, Fingerprint(form)
        self.folder = folder
        self.files = [open(folder / name, "wb") for name in (LINES, ROWS)]  # noqa: SIM115 (closed by __exit__)
        self.recordings = self.samples = 0

    def add(self, recording: Recording) -> None:
        lines, rows = self.files
        split = SPLITS.index(recording.split)
        rows.write(ROW.pack(lines.tell(), recording.offset, recording.samples, split))
        lines.write(recording.line())
        self.fingerprint.add(recording)
        self.recordings += 1
        self.samples += recording.samples

    def __enter__(self) -> IndexWriter:
        return self

    def __exit__(self, *_: object) -> None:
        lines, rows = self.files
        with rows:
            lines.close()

    def summary(self) -> IndexSummary:
        """The totals and hashes for corpus.json; puts the index on disk first."""
        for file in self.files:
            file.flush()
            os.fsync(file.fileno())
        fingerprint = self.fingerprint.hex()
        return {
            "recordings": self.recordings,
            "samples": self.samples,
            "fingerprint": fingerprint,
            "seal": _seal(self.folder, self.form, fingerprint),
        }


def read_index(folder: Path, form: Form, about: IndexSummary) -> Recordings:
    """The recordings of a corpus of that form whose corpus.json says `about`.

    The seal tells that the index is the one that was written, and then nothing is parsed. Where there is none, as in
    older corpora, or the table was lost, every line is checked. Raises UserError if they do not fit corpus.json.
    """
    check_file(folder / LINES)
    seal = about.get("seal")
    try:
        sealed = seal == _seal(folder, form, about["fingerprint"])
    except OSError:
        sealed = False
    if sealed:
        rows = np.memmap(folder / ROWS, ROW_TYPE, "r").view(np.ndarray)
        fingerprint = about["fingerprint"]
    else:
        rows, fingerprint = _check_lines(folder / LINES, form)
    totals = (about["recordings"], about["samples"], about["fingerprint"])
    # The seal is also over what the fingerprint leaves out: speakers, sources, transcripts.
    fits = sealed or seal is None or seal == _seal(folder, form, fingerprint, rows.tobytes())
    if totals != (len(rows), int(rows["samples"].sum()), fingerprint) or not fits:
        raise UserError(f"{folder / LINES}: does not fit corpus.json beside it; prepare the corpus again")
    return Recordings(folder / LINES, rows)


def _check_lines(file: Path, form: Form) -> tuple[np.ndarray, str]:
    """The table of index.jsonl and its fingerprint, line by line; raises UserError for one that is damaged."""
    packed, ids = bytearray(), set[str]()
    offset = start = number = 0
    fingerprint = Fingerprint(form)
    try:
        with open(file, "rb") as lines:
            for line in lines:
                number += 1
                recording = Recording.of_line(line)
                if recording.split not in SPLITS or recording.offset != offset or recording.samples <= 0:
                    raise ValueError("a split or an offset that no corpus has")
                if recording.id in ids:
                    raise UserError(f"{file}: line {number} repeats the id of another; prepare the corpus again")
                ids.add(recording.id)
                packed += ROW.pack(start, offset, recording.samples, SPLITS.index(recording.split))
                offset += recording.samples
                start += len(line)
                fingerprint.add(recording)
    except OSError as error:
        raise unreadable(file, error, "prepare the corpus again") from error
    except (*DAMAGES, struct.error) as error:
        raise UserError(f"{file}: line {number} is damaged; prepare the corpus again") from error
    return np.frombuffer(bytes(packed), ROW_TYPE), fingerprint.hex()


def check_file(file: Path) -> None:
    """Raises UserError unless there is a file of that name that can be read to its end, as no pipe can."""
    try:
        whole = stat.S_ISREG(os.stat(file).st_mode)
    except OSError as error:
        raise unreadable(file, error, "prepare the corpus again") from error
    if not whole:
        raise UserError(f"{file}: is no regular file; prepare the corpus again")


def _seal(folder: Path, form: Form, fingerprint: str, rows: bytes | None = None) -> str:
    """SHA-256 over the index, the form and the fingerprint, which thereby belong together.

    `rows` are those of the table where its file is not to be asked.
    """
    digest = hashlib.sha256(f"{form} {fingerprint}\n".encode())
    with open(folder / LINES, "rb") as file:
        digest.update(hashlib.file_digest(file, "sha256").digest())
    if rows is None:
        with open(folder / ROWS, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    else:
        digest.update(hashlib.sha256(rows).digest())
    return digest.hexdigest()

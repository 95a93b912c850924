"""A folder of recordings as one file of PCM with an index: made once, then memory-mapped."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar, overload

import numpy as np

from wavegen.data.format import DESCRIPTION, FORMAT, PCM, VERSION, Description
from wavegen.data.index import DAMAGES, Recording, Recordings, check_file, read_index
from wavegen.data.results import Audit, PictureAudit
from wavegen.data.splits import SPLITS
from wavegen.errors import UserError, nearest, unreadable
from wavegen.models.forms import Form, form_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wavegen.data.preparing.sources import Source

__all__ = ["Corpus", "Recording", "Stretches", "open_corpus"]


@dataclass(frozen=True)
class Corpus:
    """A corpus opened for reading; `source` is what drew its recordings if their density is known."""

    path: Path
    form: Form
    fingerprint: str
    audit: Audit | PictureAudit
    recordings: Recordings
    source: Source | None = None

    @property
    def sample_rate(self) -> int:
        """Of its sound; raises UserError for a corpus of pictures, which do not go where this is asked for."""
        if (rate := self.form.sample_rate) is None:
            raise UserError(f"{self.path}: holds pictures, and sound is wanted here")
        return rate

    def description(self) -> str:
        """The audit for a person to read, several lines. Raises UserError if it is damaged."""
        # What prepares a corpus is of no use to those who read it.
        from wavegen.data.preparing.audit import describe
        from wavegen.data.preparing.pictures import describe as describe_pictures

        try:
            json.dumps(self.audit, allow_nan=False)  # which `info --json` prints
            return describe_pictures(self.audit) if "pictures" in self.audit else describe(self.audit)
        except (*DAMAGES, AttributeError, ArithmeticError, IndexError) as error:
            raise _damaged(self.path / DESCRIPTION) from error

    def split(self, name: str) -> Recordings:
        """The recordings of the train, validation or test split, in the order of their ids."""
        if name not in SPLITS:
            raise UserError(f"{name} is not a split{nearest(name, SPLITS)}")
        return self.recordings.of_split(name)

    def pcm(self, recording: Recording) -> NDArray[np.int16]:
        """The samples of `recording`, (samples,) int16, a read-only view into the memory-mapped file."""
        return self._samples[recording.offset : recording.offset + recording.samples]

    def pcms(self, name: str) -> Stretches[np.int16]:
        """The samples of each recording of a split, in the order of `split`, without reading what it says of them."""
        rows = self.split(name).rows
        return Stretches(self._samples, rows["offset"], rows["samples"])

    @cached_property
    def _samples(self) -> NDArray[np.int16]:
        try:
            samples = np.memmap(self.path / PCM, "<i2", "r").view(np.ndarray)
        except OSError as error:
            raise unreadable(self.path / PCM, error, "prepare the corpus again") from error
        try:
            self.form.check(samples)
        except ValueError as error:
            raise UserError(f"{self.path / PCM}: damaged, {error}; prepare the corpus again") from error
        return samples


Item = TypeVar("Item", bound=np.generic)


class Stretches(Sequence["NDArray[Item]"], Generic[Item]):
    """Stretches of one array, (n, …), each a view that is made when it is asked for; `lengths` is (stretches,)."""

    def __init__(self, whole: NDArray[Item], starts: NDArray[np.int64], lengths: NDArray[np.int64]):
        self.whole, self.starts, self.lengths = whole, starts, lengths

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, index: int) -> NDArray[Item]: ...
    @overload
    def __getitem__(self, index: slice) -> Stretches[Item]: ...
    def __getitem__(self, index: int | slice) -> NDArray[Item] | Stretches[Item]:
        if isinstance(index, slice):
            return Stretches(self.whole, self.starts[index], self.lengths[index])
        return self.whole[self.starts[index] : self.starts[index] + self.lengths[index]]


def open_corpus(path: str | Path) -> Corpus:
    """The corpus in the folder `path`; raises UserError if there is none, or it is half-written, damaged or too new."""
    path = Path(path)
    if not (path / DESCRIPTION).is_file():
        what = f"is not a corpus (no {DESCRIPTION} in it)" if path.exists() else "no such folder"
        raise UserError(f"{path}: {what}; make one with: wavegen prepare SOURCE {path}")
    about = _read_description(path)
    form = form_of(about)
    recordings = read_index(path, form, about)
    check_file(path / PCM)
    if (size := (path / PCM).stat().st_size) != 2 * about["samples"]:
        should = f"has {size} bytes, its index says {2 * about['samples']}"
        raise UserError(f"{path / PCM}: {should}; prepare the corpus again")
    return Corpus(path, form, about["fingerprint"], about["audit"], recordings, _source(about, path))


def _source(about: Description, path: Path) -> Source | None:
    if "source" not in about:
        return None
    from wavegen.data.preparing.sources import source_of  # imports torch, for which no other corpus should wait

    return source_of(about["source"], str(path / DESCRIPTION))


def _read_description(path: Path) -> Description:
    file = path / DESCRIPTION
    try:
        about = json.loads(file.read_bytes())
        if about["format"] != FORMAT:
            raise ValueError("another format")
        if about["version"] > VERSION:
            raise UserError(f"{path}: written by a newer wavegen (version {about['version']}, this reads {VERSION})")
        types = {"recordings": int, "samples": int, "fingerprint": str, "audit": dict}
        if not all(isinstance(about[key], kind) for key, kind in types.items()):
            raise ValueError("a value of the wrong type")
        about["fingerprint"].encode("ascii")
        _check_audit(about["audit"])
        form_of(about)
    except OSError as error:
        raise unreadable(file, error, "prepare the corpus again") from error
    except DAMAGES as error:
        raise _damaged(file) from error
    return about


def _check_audit(audit: Audit | PictureAudit) -> None:
    """Raises KeyError, TypeError or ValueError unless what other commands than `info` ask of it is there."""
    numbers = [number for name in SPLITS for number in dict(audit["splits"][name]).values()]
    if "cut" in audit and not audit["cut"]["seconds"] > 0:
        raise ValueError("pieces of no length")
    if not all(_is_size(number) for number in numbers):
        raise ValueError("a split's size that is no number")


def _is_size(number: object) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and 0 <= number < math.inf


def _damaged(file: Path) -> UserError:
    return UserError(f"{file}: damaged, or not written by wavegen; prepare the corpus again")

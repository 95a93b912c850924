"""Which recordings a model was trained and validated on: the start of each content hash, kept in its metadata.

A set of hashes is one string, `SKIP:BASE64`. Each hash is cut to its first 40 bits: a recording that the model has not
seen is taken for a seen one with probability 2⁻⁴⁰ times the number of hashes, 6e-8 for 65 536 of them. A larger set is
thinned: it keeps the hashes whose first SKIP bits are zero, for the smallest SKIP that leaves no more than 65 536. Of
the training recordings in a folder a share of 2⁻ˢᴷᴵᴾ is then found, which still gives the folder away.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from wavegen.models.metadata import Metadata
from wavegen.models.ranges import RANGES, Ranges

BITS = 40  # of each hash
MAX_HASHES = 2**16  # in a set: 440 kB of base64
# Keys of the metadata:
TRAINED: Final = "trained_on"
VALIDATED: Final = "validated_on"
BEFORE: Final = "init_trained_on"  # trained or validated on by the model that the training started from, and so on
SHORT: Final = "trained_or_validated_on"  # of bundled models made before: 8 hex digits each
SHORT_DIGITS = 8
CUT: Final = "training_cut"  # seconds of the pieces that its corpus was cut into
KEYS = (TRAINED, VALIDATED, BEFORE, SHORT)


@dataclass(frozen=True)
class HashSet:
    """The first BITS bits of content hashes, ascending (hashes,) uint64; only those that begin with `skip` zeros."""

    values: np.ndarray
    skip: int = 0

    @classmethod
    def of(cls, content_hashes: Iterable[str]) -> HashSet:
        """A set of SHA-256 content hashes, hex digits each, thinned to MAX_HASHES."""
        return cls(np.unique(np.fromiter(map(_cut, content_hashes), np.uint64)))._thinned(0)

    @classmethod
    def decode(cls, text: str) -> HashSet:
        """The inverse of `encode`. Raises ValueError for any other text."""
        skip, found, packed = text.partition(":")
        raw = np.frombuffer(base64.b64decode(packed, validate=True), np.uint8)
        if not found or not skip.isascii() or not skip.isdigit() or int(skip) > BITS or len(raw) % (BITS // 8):
            raise ValueError("not a set of hashes")
        padded = np.zeros((len(raw) // (BITS // 8), 8), np.uint8)
        padded[:, 8 - BITS // 8 :] = raw.reshape(-1, BITS // 8)
        return cls(padded.view(">u8").ravel().astype(np.uint64), int(skip))

    def encode(self) -> str:
        packed = self.values.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 8 - BITS // 8 :]
        return f"{self.skip}:{base64.b64encode(packed.tobytes()).decode()}"

    def __or__(self, other: HashSet) -> HashSet:
        skip = max(self.skip, other.skip)
        return HashSet(np.union1d(self.values, other.values))._thinned(skip)

    def __contains__(self, content_hash: str) -> bool:
        return _cut(content_hash) in self._lookup

    def __len__(self) -> int:
        """How many recordings it stands for, about, where it was thinned."""
        return len(self.values) << self.skip

    @cached_property
    def _lookup(self) -> frozenset[int]:
        return frozenset(self.values.tolist())

    def _thinned(self, skip: int) -> HashSet:
        kept = self.values[self.values < 1 << (BITS - skip)]
        while len(kept) > MAX_HASHES:
            skip += 1
            kept = kept[kept < 1 << (BITS - skip)]
        return HashSet(kept, skip)


def _cut(content_hash: str) -> int:
    return int(content_hash[: BITS // 4], 16)


NOTHING = HashSet(np.zeros(0, np.uint64))


@dataclass(frozen=True)
class Provenance:
    """The recordings that a model was trained and validated on, by its metadata.

    `before` are those of the models that its training started from, `short` the 8 hex digits that an older bundled
    model has of each. Where `cut` is given they are pieces of recordings, of about so many seconds. Older models have
    none of it, and are not `known`.
    """

    trained: HashSet = NOTHING
    validated: HashSet = NOTHING
    before: HashSet = NOTHING
    short: frozenset[str] = frozenset()
    known: bool = False
    cut: float | None = None

    @classmethod
    def of(cls, metadata: Metadata) -> Provenance:
        """Raises ValueError if the metadata are damaged."""
        trained, validated, before = (
            NOTHING if (text := metadata.get(key)) is None else HashSet.decode(text)
            for key in (TRAINED, VALIDATED, BEFORE)
        )
        known = TRAINED in metadata or SHORT in metadata
        if (cut := metadata.get(CUT)) is not None and not 0 < cut < math.inf:
            raise ValueError("no length of pieces")
        return cls(trained, validated, before, frozenset(metadata.get(SHORT, "").split()), known, cut)

    @property
    def whole(self) -> bool:
        """Whether it names every recording: a recording that is not among them was not trained on."""
        return self.known and not any(one.skip for one in (self.trained, self.validated, self.before))

    def trained_on(self, content_hash: str) -> bool:
        """Whether the model, or one that it started from, was trained (or that one validated) on the recording."""
        return content_hash in self.trained or self.earlier(content_hash)

    def validated_on(self, content_hash: str) -> bool:
        """Whether the recording helped to choose the model, which was not trained on it."""
        return content_hash in self.validated

    def earlier(self, content_hash: str) -> bool:
        """Whether it is known from elsewhere than the model's own corpus."""
        return content_hash in self.before or content_hash[:SHORT_DIGITS] in self.short

    def seen(self, content_hash: str) -> bool:
        return self.trained_on(content_hash) or self.validated_on(content_hash)


def entries(trained: Iterable[str], validated: Iterable[str]) -> Metadata:
    """The metadata of the recordings that a model was trained and validated on, content hashes each."""
    return {TRAINED: HashSet.of(trained).encode(), VALIDATED: HashSet.of(validated).encode()}


def inherited(metadata: Metadata) -> Metadata:
    """The metadata that a model inherits from the model whose weights it starts from."""
    first = Provenance.of(metadata)
    before = first.trained | first.validated | first.before
    found: Metadata = {}
    if len(before):
        found[BEFORE] = before.encode()
    if SHORT in metadata:
        found[SHORT] = metadata[SHORT]
    return found


def in_short(metadata: Metadata) -> dict[str, object]:
    """The metadata for people to read: the number of recordings instead of their hashes, and ranges as text."""
    short: dict[str, object] = {
        key: _count(key, str(value)) if key in KEYS else value for key, value in metadata.items()
    }
    if RANGES in metadata:
        short[RANGES] = Ranges.decode(metadata[RANGES]).text()
    return short


def _count(key: str, value: str) -> str:
    if key == SHORT:
        return f"{len(value.split())} recordings"
    found = HashSet.decode(value)
    return f"{'about ' if found.skip else ''}{len(found)} recordings"

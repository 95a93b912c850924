"""Which recordings are trained on and which are held out, by a hash that no later file can change."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from wavegen.errors import UserError, nearest

SPLITS = ("train", "validation", "test")
SPLIT_BY = ("file", "speaker")
OFFICIAL = "official"  # a known corpus says itself


def split_of(key: str) -> str:
    """n = the first 32 bits of SHA-1(key) modulo 10: 0 is test, 1 is validation, the rest train."""
    n = int(hashlib.sha1(_bytes(key)).hexdigest()[:8], 16) % 10
    return {0: "test", 1: "validation"}.get(n, "train")


def speaker_of(recording_id: str) -> str | None:
    """The first folder of an id such as `speaker/chapter/file.wav`; None if the file lies in no folder."""
    speaker, slash, _ = recording_id.partition("/")
    return speaker if slash else None


def check_split_by(split_by: str) -> None:
    """Raises UserError unless `split_by` is a way to split."""
    if split_by not in SPLIT_BY:
        raise UserError(f"--split-by {split_by} is not a way to split{nearest(split_by, SPLIT_BY)}")


class Candidate(NamedTuple):
    """What decides on a recording's split; `official` is the one that its corpus gives it."""

    id: str
    speaker: str | None
    official: str | None = None


def split_of_group(group: Sequence[Candidate], split_by: str) -> str:
    """The split of recordings of the same content, mostly of one: no audio lies in two.

    By "file" it is the split of the smallest id, by "speaker" of that one's speaker (of the id, if it has none).
    Official splits hold, and a group of several goes to the one that is held out most: what is tested on is not
    trained on.
    """
    if split_by == OFFICIAL:
        return max((str(one.official) for one in group), key=SPLITS.index)
    smallest = min(group, key=lambda one: _bytes(one.id))
    return split_of((smallest.speaker or smallest.id) if split_by == "speaker" else smallest.id)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")  # a name that is no UTF-8 has its own bytes

"""Which recordings are trained on and which are held out, by a hash that no later file can change."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from wavegen.errors import UserError, nearest

SPLITS = ("train", "validation", "test")
SPLIT_BY = ("file", "speaker")


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


def assign(ids: Sequence[str], content_hashes: Sequence[str], split_by: str = "file") -> list[str]:
    """The split of each recording.

    By "file" it is the split of its id, by "speaker" of the speaker that the id names (of the id, if it names none).
    Recordings of the same content all go where the smallest of their ids goes, so that no audio lies in two splits.
    """
    check_split_by(split_by)
    smallest: dict[str, str] = {}
    for recording_id, content in zip(ids, content_hashes, strict=True):
        smallest[content] = min(recording_id, smallest.get(content, recording_id), key=_bytes)
    keys = [smallest[content] for content in content_hashes]
    if split_by == "speaker":
        keys = [speaker_of(key) or key for key in keys]
    return [split_of(key) for key in keys]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")  # a name that is no UTF-8 has its own bytes

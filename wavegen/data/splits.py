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


def assign(
    ids: Sequence[str],
    content_hashes: Sequence[str],
    split_by: str = "file",
    speakers: Sequence[str | None] | None = None,
    official: Sequence[str] | None = None,
) -> list[str]:
    """The split of each recording.

    By "file" it is the split of its id, by "speaker" of its speaker (of the one that the id names, if no `speakers`
    are given; of the id, if it has none). Recordings of the same content all go where the smallest of their ids goes,
    so that no audio lies in two splits. Where the `official` splits are given they hold, and recordings of the same
    content all go to the one of theirs that is held out most: what is tested on is not trained on.
    """
    if official is not None:
        order = SPLITS.index
        strictest: dict[str, str] = {}
        for split, content in zip(official, content_hashes, strict=True):
            strictest[content] = max(split, strictest.get(content, split), key=order)
        return [strictest[content] for content in content_hashes]
    check_split_by(split_by)
    speakers = [speaker_of(recording_id) for recording_id in ids] if speakers is None else speakers
    smallest: dict[str, tuple[str, str | None]] = {}
    for recording_id, speaker, content in zip(ids, speakers, content_hashes, strict=True):
        one = (recording_id, speaker)
        smallest[content] = min(one, smallest.get(content, one), key=lambda pair: _bytes(pair[0]))
    keys = [smallest[content] for content in content_hashes]
    return [
        split_of((speaker or recording_id) if split_by == "speaker" else recording_id) for recording_id, speaker in keys
    ]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")  # a name that is no UTF-8 has its own bytes

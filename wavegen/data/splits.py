"""Splits recordings into train, validation and test by a hash that no later file can change."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from wavegen.audio.names import composed
from wavegen.errors import UserError, nearest

# How recordings are split, as `split_rule` in corpus.json says; corpora without it were split by rule 1, which hashed
# the bytes of a name as the file system gave them and put identical recordings where the smallest id went.
RULE = 2
SPLITS = ("train", "validation", "test")
FILE, SPEAKER, TIME = SPLIT_BY = ("file", "speaker", "time")
OFFICIAL = "official"  # a known corpus says itself
HELD_OUT_PART = 0.1  # of a recording that is split by time, for validation and for test each
MIN_PIECES = 3  # of a recording, so that each split has one


def split_of(key: str) -> str:
    """n = the first 32 bits of SHA-1(key) modulo 10: 0 is test, 1 is validation, the rest train.

    The key is hashed in Unicode normal form C, as UTF-8; a name that is not UTF-8 by its own bytes.
    """
    n = int(hashlib.sha1(composed(key).encode("utf-8", "surrogateescape")).hexdigest()[:8], 16) % 10
    return {0: "test", 1: "validation"}.get(n, "train")


def split_in_time(piece: int, pieces: int) -> str:
    """The split of piece number `piece` of a recording that was cut into so many: the last tenth is test, the tenth
    before it validation, at least one piece each; a recording of fewer than MIN_PIECES is trained on.
    """
    held_out = max(1, round(HELD_OUT_PART * pieces)) if pieces >= MIN_PIECES else 0
    from_end = pieces - 1 - piece
    if from_end < held_out:
        return "test"
    return "validation" if from_end < 2 * held_out else "train"


def speaker_of(recording_id: str) -> str | None:
    """The first folder of an id such as `speaker/chapter/file.wav`; None if the file lies in no folder."""
    speaker, slash, _ = recording_id.partition("/")
    return speaker if slash else None


def check_split_by(split_by: str) -> None:
    """Raises UserError unless `split_by` is a way to split."""
    if split_by not in SPLIT_BY:
        said = f"`split_by={split_by!r}` is not a way to split{nearest(split_by, SPLIT_BY)}"
        raise UserError(said, parameter="split_by")


class Candidate(NamedTuple):
    """The properties that decide on a recording's split.

    `official` is the split that its corpus gives it. A piece of a recording has the recording's `id`, and is number
    `piece` of so many `pieces`.
    """

    id: str
    speaker: str | None
    official: str | None = None
    piece: int = 0
    pieces: int = 1

    def split(self, split_by: str) -> str:
        """The split of this recording alone."""
        if split_by == OFFICIAL:
            return str(self.official)
        if split_by == TIME:
            return split_in_time(self.piece, self.pieces)
        return split_of((self.speaker or self.id) if split_by == SPEAKER else self.id)


def split_of_group(group: Sequence[Candidate], split_by: str) -> str:
    """The split of recordings of the same content, mostly of one: no audio lies in two.

    Of the splits that they have each alone it is the one that is held out most: what is tested on is not trained on,
    and no file that is added takes a recording out of the test split.
    """
    return max((one.split(split_by) for one in group), key=SPLITS.index)

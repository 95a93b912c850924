"""Finds recordings of one sound on both sides of the split, in time and memory that are linear in their number."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np

from wavegen.data.preparing.fingerprints import LANDMARKS, SLACK, TIME_BITS, is_one_sound, unpacked
from wavegen.wording import counted, listed, shortened

MAX_LANDMARKS = 2**20  # of all recordings: bounds the memory; of many recordings fewer landmarks each are compared
NEIGHBOURS = 4  # of those with the same landmark, how many each is paired with
MAX_CHECKED = 500  # pairs that are compared peak by peak, those with the most landmarks in common first


class NearCopies:
    """Gathers fingerprints, recording after recording; `recordings` is how many there will be."""

    def __init__(self, recordings: int):
        self.each = max(1, min(LANDMARKS, MAX_LANDMARKS // max(1, recordings)))
        self.prints = array("Q")
        self.owners = array("i")
        self.splits = array("b")
        self.offsets = array("q")
        self.samples = array("q")

    def add(self, fingerprint: str, split: int, offset: int, samples: int) -> None:
        """The next recording: its fingerprint, the number of its split, where its samples lie."""
        prints = unpacked(fingerprint)[: self.each]
        self.prints.frombytes(prints.tobytes())
        self.owners.extend([len(self.splits)] * len(prints))
        self.splits.append(split)
        self.offsets.append(offset)
        self.samples.append(samples)

    def pairs(self, pcm: np.ndarray, sample_rate: int) -> list[tuple[int, int]]:
        """Numbers of recordings of different splits that hold one sound, sorted; `pcm`, (samples,) int16, is of all."""

        def of(number: int) -> np.ndarray:
            return pcm[self.offsets[number] : self.offsets[number] + self.samples[number]]

        prints = np.frombuffer(self.prints, np.uint64)
        owners = np.frombuffer(self.owners, np.int32)
        candidates = _candidates(prints, owners, np.frombuffer(self.splits, np.int8))
        return sorted((a, b) for a, b, offset in candidates if is_one_sound(of(a), of(b), sample_rate, offset))


def _candidates(prints: np.ndarray, owners: np.ndarray, splits: np.ndarray) -> list[tuple[int, int, int]]:
    """Pairs of different splits that share two landmarks or more at one offset, and the offset of the first against
    the second in frames; at most MAX_CHECKED.
    """
    order = np.argsort(prints, kind="stable")
    hashes = prints[order] >> np.uint64(TIME_BITS)
    times = (prints[order] & np.uint64(2**TIME_BITS - 1)).astype(np.int64)
    owners = owners[order].astype(np.int64)
    keys = [np.empty(0, np.int64)]
    offsets = [np.empty(0, np.int64)]
    for step in range(1, NEIGHBOURS + 1):
        one = slice(None, -step)
        other = slice(step, None)
        both = (hashes[one] == hashes[other]) & (splits[owners[one]] != splits[owners[other]])
        a = owners[one][both]
        b = owners[other][both]
        offset = times[one][both] - times[other][both]
        keys.append(np.minimum(a, b) * len(splits) + np.maximum(a, b))
        offsets.append(np.where(a < b, offset, -offset))
    key = np.concatenate(keys)
    offset = np.concatenate(offsets)
    order = np.lexsort([offset, key])
    key = key[order]
    offset = offset[order]
    linked = (np.diff(key) == 0) & (np.diff(offset) <= SLACK)
    found, starts, links = np.unique(key[:-1][linked], return_index=True, return_counts=True)
    middle = offset[:-1][linked][starts + links // 2]
    best = np.lexsort([found, -links])[:MAX_CHECKED]
    return [(*divmod(int(found[each]), len(splits)), int(middle[each])) for each in best]


def near_copy_warnings(pairs: Sequence[Sequence[str]]) -> list[str]:
    """A sentence if recordings of one sound, two ids each, lie on both sides of the split."""
    if not pairs:
        return []
    found = (
        f"{'at least ' * (len(pairs) == MAX_CHECKED)}{counted(len(pairs), 'pair')} of recordings in different splits"
    )
    names = listed([" ~ ".join(map(shortened, pair)) for pair in pairs])
    return [f"{found} hold the same sound but for level, microphone or coding ({names}): keep one of each"]

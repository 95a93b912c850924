import hashlib
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen.data.splits import OFFICIAL, SPLITS, Candidate, check_split_by, speaker_of, split_of, split_of_group
from wavegen.errors import UserError

IDS = st.text(st.sampled_from("abc/.é\udc80"), min_size=1, max_size=8)
# Many recordings over few contents: duplicates in plenty.
CORPORA = st.dictionaries(IDS, st.integers(0, 5), min_size=1, max_size=30)


def test_split_is_the_documented_hash():
    for n in range(300):
        digit = int(hashlib.sha1(f"voice/{n}.wav".encode()).hexdigest()[:8], 16) % 10
        assert split_of(f"voice/{n}.wav") == (["test", "validation"] + ["train"] * 8)[digit]


def test_shares_are_80_10_10():
    counts = Counter(split_of(f"{n}.wav") for n in range(10000))
    assert abs(counts["test"] - 1000) < 120
    assert abs(counts["validation"] - 1000) < 120


def assign(ids, contents, split_by="file", official=None):
    """The split of each recording as a corpus gets them."""
    candidates = [Candidate(i, speaker_of(i), o) for i, o in zip(ids, official or [None] * len(ids), strict=True)]
    groups = {}
    for content, candidate in zip(contents, candidates, strict=True):
        groups.setdefault(content, []).append(candidate)
    return [split_of_group(groups[content], split_by) for content in contents]


@given(corpus=CORPORA, split_by=st.sampled_from(["file", "speaker"]))
@settings(deadline=None)
def test_identical_audio_is_never_on_both_sides(corpus, split_by):
    splits = assign(list(corpus), [str(content) for content in corpus.values()], split_by)
    assert set(splits) <= set(SPLITS)
    assert len(set(zip(corpus.values(), splits, strict=True))) == len(set(corpus.values()))


@given(corpus=CORPORA, split_by=st.sampled_from(["file", "speaker"]), order=st.randoms())
@settings(deadline=None)
def test_order_does_not_matter(corpus, split_by, order):
    items = list(corpus.items())
    order.shuffle(items)

    def splits(items):
        ids, contents = zip(*items, strict=True)
        return dict(zip(ids, assign(ids, [str(content) for content in contents], split_by), strict=True))

    assert splits(items) == splits(list(corpus.items()))


@given(old=st.sets(IDS, min_size=1), new=st.sets(IDS), split_by=st.sampled_from(["file", "speaker"]))
@settings(deadline=None)
def test_splits_are_stable_under_adding_files(old, new, split_by):
    before = dict(zip(old, assign(list(old), list(old), split_by), strict=True))
    everything = list(old | new)
    after = dict(zip(everything, assign(everything, everything, split_by), strict=True))
    assert all(after[recording_id] == split for recording_id, split in before.items())


def test_group_goes_where_its_smallest_id_goes():
    ids = [f"{n:03}.wav" for n in range(50)]
    for first in range(49):
        assert set(assign(ids[first:][::-1], ["same"] * (50 - first))) == {split_of(ids[first])}


def test_by_speaker_keeps_each_speaker_together():
    ids = [f"speaker{s}/{n}.wav" for s in range(40) for n in range(5)]
    splits = assign(ids, ids, "speaker")
    assert len(set(zip(map(speaker_of, ids), splits, strict=True))) == 40
    assert set(splits) == set(SPLITS)


def test_speaker_is_the_first_folder():
    assert [speaker_of("a/b/c.wav"), speaker_of("a/c.wav"), speaker_of("c.wav")] == ["a", "a", None]


def test_unknown_way_gets_one_line():
    with pytest.raises(UserError, match="--split-by speakers is not a way to split; did you mean speaker"):
        check_split_by("speakers")


@given(corpus=CORPORA, official=st.lists(st.sampled_from(SPLITS), min_size=30, max_size=30))
@settings(deadline=None)
def test_official_splits_hold_but_for_copies_of_what_is_held_out(corpus, official):
    contents = list(corpus.values())
    official = official[: len(contents)]
    splits = assign(list(corpus), contents, OFFICIAL, official)
    for content, split in zip(contents, splits, strict=True):
        own = {o for c, o in zip(contents, official, strict=True) if c == content}
        assert split == next(name for name in ("test", "validation", "train") if name in own)

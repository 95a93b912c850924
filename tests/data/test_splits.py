import hashlib
import unicodedata
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen.data.splits import (
    OFFICIAL,
    SPLITS,
    Candidate,
    check_split_by,
    speaker_of,
    split_in_time,
    split_of,
    split_of_group,
)
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


def test_group_goes_where_it_is_held_out_most():
    names = {split: [f"{n}.wav" for n in range(200) if split_of(f"{n}.wav") == split] for split in SPLITS}
    train, validation, test = (names[split][:2] for split in SPLITS)
    assert set(assign(train, ["same"] * 2)) == {"train"}
    assert set(assign([*train, *validation], ["same"] * 4)) == {"validation"}
    assert set(assign([*train, *test, *validation], ["same"] * 6)) == {"test"}
    assert set(assign([f"{train[0]}/a", f"{test[0]}/b"], ["same"] * 2, "speaker")) == {split_of(test[0])}


@given(old=CORPORA, new=CORPORA, split_by=st.sampled_from(["file", "speaker"]))
@settings(deadline=None)
def test_no_added_file_takes_a_recording_back_from_what_is_held_out(old, new, split_by):
    """Not even a copy whose name sorts first."""
    before = dict(zip(old, assign(list(old), [str(c) for c in old.values()], split_by), strict=True))
    both = new | old
    after = dict(zip(both, assign(list(both), [str(c) for c in both.values()], split_by), strict=True))
    assert all(SPLITS.index(after[name]) >= SPLITS.index(split) for name, split in before.items())


@pytest.mark.parametrize("split_by", ["file", "speaker"])
def test_one_name_in_any_normal_form_has_one_split(split_by):
    """As macOS and Linux write it, among them Hangul and letters with two marks."""
    for n in range(60):
        for name in (f"café{n}/á.wav", f"한{n}/국.wav", f"tiếng{n}/ệ.wav", f"Å{n}/ﬁ.wav"):
            forms = [unicodedata.normalize(form, name) for form in ("NFC", "NFD")]
            assert len(set(assign(forms, forms, split_by))) == 1
    assert split_of("café1.wav") == split_of(unicodedata.normalize("NFD", "café1.wav"))


def test_names_that_only_look_alike_are_different_keys():
    """Case, compatibility forms and other scripts are other names; bytes that are not UTF-8 are their own."""
    for one, other in (("a{}.wav", "A{}.wav"), ("ﬁ{}.wav", "fi{}.wav"), ("a{}.wav", "а{}.wav"), ("\udce9{}", "é{}")):
        assert any(split_of(one.format(n)) != split_of(other.format(n)) for n in range(60))
    digit = int(hashlib.sha1(b"caf\xe9.wav").hexdigest()[:8], 16) % 10
    assert split_of("caf\udce9.wav") == (["test", "validation"] + ["train"] * 8)[digit]


def test_split_in_time_holds_out_the_end():
    for pieces in range(3, 200):
        splits = [split_in_time(piece, pieces) for piece in range(pieces)]
        assert splits == sorted(splits, key=SPLITS.index), "in one stretch each"
        held_out = Counter(splits)
        assert held_out["validation"] == held_out["test"] == max(1, round(pieces / 10))
    assert [split_in_time(piece, 2) for piece in range(2)] == ["train", "train"]


def test_by_speaker_keeps_each_speaker_together():
    ids = [f"speaker{s}/{n}.wav" for s in range(40) for n in range(5)]
    splits = assign(ids, ids, "speaker")
    assert len(set(zip(map(speaker_of, ids), splits, strict=True))) == 40
    assert set(splits) == set(SPLITS)


def test_speaker_is_the_first_folder():
    assert [speaker_of("a/b/c.wav"), speaker_of("a/c.wav"), speaker_of("c.wav")] == ["a", "a", None]


def test_unknown_way_gets_one_line():
    with pytest.raises(UserError, match="`split_by='speakers'` is not a way to split; did you mean speaker"):
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

"""Long recordings are cut at quiet places, and what is held out of few is the end of each."""

import json
import shutil

import miniature_corpora
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workspace import tree

from wavegen.audio import files as audio_files
from wavegen.audio.cutting import piece_lengths
from wavegen.cli.main import main
from wavegen.data.corpus import open_corpus
from wavegen.data.preparing.audio import prepare
from wavegen.data.preparing.gathering import Gathering

RATE = 1000


@given(
    samples=st.integers(1, 40000), seconds=st.floats(1, 12), rate=st.sampled_from([1000, 8000]), seed=st.integers(0, 9)
)
@settings(deadline=None, max_examples=200)
def test_pieces_are_all_of_it_and_about_so_long(samples, seconds, rate, seed):
    pcm = np.random.default_rng(seed).integers(-900, 900, samples).astype(np.int16)
    lengths = piece_lengths(pcm, rate, seconds)
    assert sum(lengths) == samples
    if len(lengths) > 1:
        assert min(lengths) >= 0.32 * seconds * rate
        assert max(lengths) <= 2.3 * seconds * rate
    else:
        assert samples <= 1.5 * seconds * rate + 1


@pytest.mark.parametrize("offset", [0, 7000], ids=["plain", "with a DC offset"])
@pytest.mark.parametrize("pause", [0, 30], ids=["digital silence", "a quiet room"])
def test_cuts_lie_in_pauses(offset, pause):
    """Bursts of a second, pauses of 0.3 s: every cut is in a pause."""
    random = np.random.default_rng(0)
    loud = np.tile(np.repeat([3000, pause], [1000, 300]), 40)
    pcm = (offset + loud * random.uniform(-1, 1, len(loud))).astype(np.int16)
    cuts = np.cumsum(piece_lengths(pcm, RATE, 5))[:-1]
    assert len(cuts) == 9
    assert all(loud[cut - 20 : cut + 20].max() == pause for cut in cuts)


def test_silence_is_cut_evenly():
    assert set(piece_lengths(np.zeros(10000, np.int16), RATE, 2)) <= set(range(1990, 2011))


def corpus_of(tmp_path, lengths, **options):
    """A corpus of noise of so many seconds each."""
    for number, seconds in enumerate(lengths):
        (tmp_path / "source").mkdir(exist_ok=True)
        audio_files.write(tmp_path / f"source/{number:02}.wav", miniature_corpora.sound(number, 8000, seconds), 8000)
    audit = prepare(tmp_path / "source", tmp_path / "corpus", **options)
    return audit, open_corpus(tmp_path / "corpus")


def test_one_recording_becomes_train_validation_and_test(tmp_path):
    audit, corpus = corpus_of(tmp_path, [60], cut=2)
    assert [r.id for r in corpus.recordings] == [f"00.wav#{number:03}" for number in range(30)]
    assert [r.split for r in corpus.recordings] == ["train"] * 24 + ["validation"] * 3 + ["test"] * 3
    assert {r.source for r in corpus.recordings} == {"00.wav"}
    whole = np.concatenate([corpus.pcm(recording) for recording in corpus.recordings])
    assert np.array_equal(whole, audio_files.read(tmp_path / "source/00.wav").pcm)
    assert audit["split_by"] == json.loads((tmp_path / "corpus/corpus.json").read_text())["split_by"] == "time"
    assert audit.get("cut") == {"seconds": 2, "recordings": 1}
    assert any("the last tenth of each recording is the test split" in warning for warning in audit["warnings"])
    assert all(r.content_hash == audio_files.content_hash(corpus.pcm(r)) for r in corpus.recordings)


def test_pieces_of_one_recording_are_on_one_side_if_there_are_recordings_enough(tmp_path):
    audit, corpus = corpus_of(tmp_path, [7] * 30, cut=2)
    sides = {(r.source, r.split) for r in corpus.recordings}
    assert len(sides) == 30
    assert {split for _, split in sides} == {"train", "validation", "test"}
    assert (audit["split_by"], audit["files"]) == ("file", len(corpus.recordings))
    assert audit.get("cut") == {"seconds": 2, "recordings": 30}
    prepare(tmp_path / "source", tmp_path / "whole")
    whole = open_corpus(tmp_path / "whole")
    assert {(r.source, r.split) for r in whole.recordings} == sides, "cutting moves no recording"


def test_by_time_a_recording_keeps_its_parts_when_others_come(tmp_path):
    """Also beyond the number from which whole recordings are held out by default."""
    _, few = corpus_of(tmp_path, [10] * 3, cut=1, split_by="time")
    before = {r.id: r.split for r in few.recordings}
    shutil.rmtree(tmp_path / "corpus")
    _, many = corpus_of(tmp_path, [10] * 14, cut=1, split_by="time")
    after = {r.id: r.split for r in many.recordings}
    assert before.items() <= after.items()
    assert set(before.values()) == {"train", "validation", "test"}


def test_equal_pieces_lie_in_one_split(tmp_path):
    """A loop: every second is the same."""
    second = miniature_corpora.sound(3, 8000, 1)
    (tmp_path / "source").mkdir()
    audio_files.write(
        tmp_path / "source/loop.wav", np.tile(np.concatenate([second, np.zeros(8000, np.int16)]), 10), 8000
    )
    prepare(tmp_path / "source", tmp_path / "corpus", cut=2)
    by_content: dict[str, set[str]] = {}
    for recording in open_corpus(tmp_path / "corpus").recordings:
        by_content.setdefault(recording.content_hash, set()).add(recording.split)
    assert all(len(splits) == 1 for splits in by_content.values())


def test_a_cut_corpus_is_the_same_for_any_number_of_processes(tmp_path, monkeypatch):
    monkeypatch.setattr("wavegen.data.preparing.reading.SHARE_BYTES", 4000)
    corpus_of(tmp_path, [0.05, *[0.7 * number for number in range(1, 14)]], cut=1, processes=1)
    prepare(tmp_path / "source", tmp_path / "again/corpus", cut=1, processes=3)
    assert tree(tmp_path / "corpus") == tree(tmp_path / "again/corpus")


def test_an_interrupted_cut_goes_on(tmp_path, monkeypatch):
    corpus_of(tmp_path, [0.9 * number for number in range(1, 12)], cut=1, processes=1)
    add = Gathering.add
    left = [7]

    def stopping(self, read):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        add(self, read)

    with monkeypatch.context() as patch:
        patch.setattr(Gathering, "add", stopping)
        with pytest.raises(KeyboardInterrupt):
            prepare(tmp_path / "source", tmp_path / "again/corpus", cut=1, processes=1)
    readings = []
    read = audio_files.read
    monkeypatch.setattr("wavegen.data.preparing.reading.audio_files.read", lambda *a: readings.append(a) or read(*a))
    prepare(tmp_path / "source", tmp_path / "again/corpus", cut=1, processes=1)
    assert len(readings) == 4
    assert tree(tmp_path / "corpus") == tree(tmp_path / "again/corpus")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--cut", "0.5"], "--cut 0.5: give a length from 1 to 3600 seconds, as --cut 10"),
        (["--cut", "1e5"], "--cut 100000: give a length from 1 to 3600 seconds"),
        (["--split-by", "time"], "--split-by time holds out the end of each recording; say how they are cut"),
    ],
)
def test_bad_cuts_get_one_line(tmp_path, capsys, options, words):
    (tmp_path / "source").mkdir()
    assert main(["prepare", str(tmp_path / "source"), str(tmp_path / "corpus"), *options]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("source", [["yesno", "source"], ["source:ar2"], ["digits"]])
def test_known_corpora_are_not_cut(tmp_path, capsys, source):
    assert main(["prepare", *source, str(tmp_path / "corpus"), "--cut", "5"]) == 2
    assert "--cut" in capsys.readouterr().err
    assert not (tmp_path / "corpus").exists()

"""A corpus, opened: its recordings, their samples and their splits."""

import json
import os

import numpy as np
import pytest
from noise_corpora import NAMES

from wavegen.audio import files as audio_files
from wavegen.data.corpus import open_corpus
from wavegen.data.index import Recording
from wavegen.data.splits import split_of
from wavegen.errors import UserError

TRAIN = sum(split_of(name) == "train" for name in NAMES)


def test_every_sample_of_every_file_is_there(source, corpus):
    opened = open_corpus(corpus)
    assert [recording.id for recording in opened.recordings] == sorted(NAMES)
    assert opened.sample_rate == 8000
    for recording in opened.recordings:
        pcm = opened.pcm(recording)
        assert np.array_equal(pcm, audio_files.read(source / recording.id).pcm)
        assert (pcm.dtype, len(pcm), pcm.flags.writeable) == (np.int16, recording.samples, False)
        assert recording.split == split_of(recording.id)
        assert recording.speaker == recording.id[0]
        assert recording.source == recording.id
    assert sorted(os.listdir(corpus)) == ["corpus.json", "index.jsonl", "index.rows", "pcm.i16"]


def test_splits_are_disjoint_and_complete(corpus):
    opened = open_corpus(corpus)
    parts = [opened.split(name) for name in ("train", "validation", "test")]
    assert sorted(r.id for part in parts for r in part) == sorted(NAMES)
    assert [{r.split for r in part} for part in parts] == [{"train"}, {"validation"}, {"test"}]
    sizes = {name: size.get("files") for name, size in opened.audit["splits"].items()}
    assert sizes == {part[0].split: len(part) for part in parts}
    with pytest.raises(UserError, match="tests is not a split; did you mean test"):
        opened.split("tests")


def _without_seal(corpus):
    about = json.loads((corpus / "corpus.json").read_text())
    del about["seal"]
    (corpus / "corpus.json").write_text(json.dumps(about))


TABLES = {
    "of before": lambda c: (_without_seal(c), (c / "index.rows").unlink()),
    "gone": lambda c: (c / "index.rows").unlink(),
    "cut short": lambda c: os.truncate(c / "index.rows", 30),
    "another": lambda c: (c / "index.rows").write_bytes((c / "index.rows").read_bytes()[::-1]),
}


@pytest.mark.parametrize("name", TABLES)
def test_without_its_table_the_index_is_read_line_by_line(corpus, name):
    whole = open_corpus(corpus)
    before = [*whole.recordings], whole.fingerprint, [pcm.tolist() for pcm in whole.pcms("train")]
    TABLES[name](corpus)
    after = open_corpus(corpus)
    assert ([*after.recordings], after.fingerprint, [pcm.tolist() for pcm in after.pcms("train")]) == before


def test_opening_parses_no_line(corpus, monkeypatch):
    monkeypatch.setattr(Recording, "of_line", lambda line: pytest.fail("a line was parsed"))
    assert [len(open_corpus(corpus).recordings), len(open_corpus(corpus).pcms("train"))] == [40, TRAIN]


def test_recordings_are_a_sequence(corpus):
    opened = open_corpus(corpus)
    every = list(opened.recordings)
    assert [opened.recordings[n] for n in range(-40, 40)] == every + every
    assert list(opened.recordings[5:30:3]) == every[5:30:3]
    assert list(opened.split("train")) == [recording for recording in every if recording.split == "train"]
    for name in ("train", "validation", "test"):
        pairs = zip(opened.pcms(name), opened.split(name), strict=True)
        assert all(np.array_equal(pcm, opened.pcm(recording)) for pcm, recording in pairs)
    assert opened.pcms("train")[2:4][1].tolist() == opened.pcms("train")[3].tolist()
    with pytest.raises(IndexError):
        opened.recordings[40]


def test_a_file_is_no_corpus(source):
    with pytest.raises(UserError, match="is not a corpus"):
        open_corpus(source / NAMES[0])

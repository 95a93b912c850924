"""One recording has one id, split and fingerprint, however a file system writes its name."""

import json
import os
import unicodedata

import miniature_corpora
import numpy as np
import pytest

from wavegen.audio import files as audio_files
from wavegen.audio.names import composed, is_junk
from wavegen.data.corpus import open_corpus
from wavegen.data.preparing.audio import prepare

NAMES = [f"{folder}/{name}{number}.wav" for number in range(8) for folder, name in (("Zoë", "café"), ("한국", "Åre"))]
FORMS = ("NFC", "NFD")


def folder_of(folder, names, first=0):
    for number, name in enumerate(names, start=first):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        audio_files.write(folder / name, miniature_corpora.sound(number, 8000, 0.2), 8000)
    return folder


@pytest.mark.parametrize("split_by", ["file", "speaker"])
def test_a_folder_gives_one_corpus_in_either_form(tmp_path, split_by):
    """Ids, order, speakers, splits and the fingerprint, by which models know their corpus."""
    made = []
    for form in FORMS:
        folder_of(tmp_path / form, [unicodedata.normalize(form, name) for name in ["café/f.wav", "caff/f.wav", *NAMES]])
        prepare(tmp_path / form, tmp_path / f"{form}-corpus", split_by=split_by)
        made.append(open_corpus(tmp_path / f"{form}-corpus"))
    one, other = made
    assert {recording.id for recording in one.recordings} >= {composed(name) for name in NAMES}
    assert one.fingerprint == other.fingerprint
    assert [(r.id, r.speaker, r.split) for r in one.recordings] == [
        (r.id, r.speaker, r.split) for r in other.recordings
    ]
    for form, corpus in zip(FORMS, made, strict=True):
        for recording in corpus.recordings:
            assert np.array_equal(audio_files.read(tmp_path / form / recording.source).pcm, corpus.pcm(recording))


def test_files_whose_names_are_one_in_normal_form_keep_ids_of_their_own(tmp_path):
    """Two files of a folder, and the same file in two folders, of different or of the same sound."""
    both = [unicodedata.normalize(form, name) for form in FORMS for name in ("é/a.wav", "é/ü.wav", "plain.wav")]
    folder_of(tmp_path / "source", dict.fromkeys(both))
    os.rename(tmp_path / "source" / both[1], tmp_path / "source" / "é" / unicodedata.normalize("NFD", "ü.wav"))
    folder_of(tmp_path / "source", ["é/ü.wav"], first=77)
    prepare(tmp_path / "source", tmp_path / "corpus")
    corpus = open_corpus(tmp_path / "corpus")
    ids = [recording.id for recording in corpus.recordings]
    assert len(set(ids)) == len(ids) == 6
    by_name: dict[str, set[str]] = {}
    for recording in corpus.recordings:
        assert np.array_equal(audio_files.read(tmp_path / "source" / recording.source).pcm, corpus.pcm(recording))
        by_name.setdefault(composed(recording.id), set()).add(recording.split)
    assert all(len(splits) == 1 for splits in by_name.values())
    assert {recording.speaker for recording in corpus.recordings} == {"é", None}


def test_a_name_that_is_not_text_keeps_its_bytes(tmp_path):
    name = os.fsdecode(b"caf\xe9 e\xcc\x81.wav")
    folder_of(tmp_path / "source", [name, "a.wav"])
    prepare(tmp_path / "source", tmp_path / "corpus")
    recording = open_corpus(tmp_path / "corpus").recordings[1]
    assert os.fsencode(recording.id) == b"caf\xe9 \xc3\xa9.wav"
    assert os.fsencode(recording.source) == b"caf\xe9 e\xcc\x81.wav"


def test_ids_that_differ_in_case_are_two(tmp_path):
    folder_of(tmp_path / "source", ["a.wav", "A.wav", "B/a.wav", "b/a.wav"])
    prepare(tmp_path / "source", tmp_path / "corpus", split_by="file")
    assert [recording.id for recording in open_corpus(tmp_path / "corpus").recordings] == sorted(
        ["a.wav", "A.wav", "B/a.wav", "b/a.wav"]
    )


def test_the_rule_is_written_down_and_a_corpus_without_it_is_read_as_it_is(tmp_path):
    """Rule 1 hashed a name's bytes; what it held out stays held out."""
    folder_of(tmp_path / "source", NAMES)
    prepare(tmp_path / "source", tmp_path / "corpus")
    about = json.loads((tmp_path / "corpus/corpus.json").read_text())
    assert about["split_rule"] == 2
    assert about["version"] == 1, "older versions of wavegen read it"
    before = [recording.split for recording in open_corpus(tmp_path / "corpus").recordings]
    del (
        about["split_rule"],
        about["audit"]["speakers"],
        about["audit"]["passed_over"],
        about["audit"]["near_duplicates"],
    )
    (tmp_path / "corpus/corpus.json").write_text(json.dumps(about))
    corpus = open_corpus(tmp_path / "corpus")
    assert [recording.split for recording in corpus.recordings] == before


def test_junk():
    assert all(map(is_junk, (".DS_Store", "._a.wav", "Thumbs.db", "DESKTOP.INI")))
    assert not any(map(is_junk, ("a.wav", "thumbs.db.wav", "README")))

"""What `prepare` refuses, file by file or altogether, and what is left then."""

import os
import resource

import bad_audio
import pytest
from noise_corpora import NAMES, folder_of, noise

from wavegen.data.corpus import open_corpus
from wavegen.data.preparing.audio import prepare
from wavegen.data.splits import split_of
from wavegen.errors import UserError


def test_bad_files_are_refused_one_by_one_and_the_rest_goes_on(source, tmp_path):
    for name, (contents, _) in bad_audio.BAD.items():
        (source / name).write_bytes(contents)
    folder_of(source, {"short.wav": noise(799), "long-enough.wav": noise(800)})
    audit = prepare(source, tmp_path / "corpus")
    refused = {os.path.basename(entry["file"]): entry["reason"] for entry in audit["refused"]}
    assert set(refused) == {*bad_audio.BAD, "short.wav"}
    assert "too short, 0.100 s" in refused["short.wav"]
    assert all(reason.startswith(name) and "\n" not in reason for name, reason in refused.items())
    assert str(source) not in (tmp_path / "corpus/corpus.json").read_text(), "a corpus may move, without its source"
    assert [r.id for r in open_corpus(tmp_path / "corpus").recordings] == sorted([*NAMES, "long-enough.wav"])
    assert open_corpus(tmp_path / "corpus").audit == audit


@pytest.mark.parametrize("name", ["nan.wav", "truncated.flac", "short.wav"])
def test_strict_stops_at_the_first_and_leaves_nothing(source, tmp_path, name):
    contents = bad_audio.wav(noise(700).tobytes()) if name == "short.wav" else bad_audio.BAD[name][0]
    (source / name).write_bytes(contents)
    with pytest.raises(UserError, match=name):
        prepare(source, tmp_path / "corpus", strict=True)
    assert os.listdir(tmp_path) == ["source"]


def test_nothing_usable_is_an_error_and_leaves_nothing(tmp_path):
    source = folder_of(tmp_path / "source", {"short.wav": noise(9)})
    for words in ("none of its 1 files is usable; first: .*short.wav: too short", "none of its 1 .*not an audio file"):
        with pytest.raises(UserError, match=words):
            prepare(source, tmp_path / "corpus")
        assert os.listdir(tmp_path) == ["source"]
        (source / "short.wav").write_text("text")


def test_mixed_rates_need_a_choice(source, tmp_path):
    folder_of(source, {"high.wav": noise(16000)}, rate=16000)
    with pytest.raises(UserError, match=r"40 of 8000 Hz, 1 of 16000 Hz\); choose one, as `sample_rate=8000`"):
        prepare(source, tmp_path / "corpus")
    assert os.listdir(tmp_path) == ["source"]
    audit = prepare(source, tmp_path / "corpus", sample_rate=8000)
    assert (audit["resampled"], audit["source_rates"]) == (1, {"8000": 40, "16000": 1})
    assert [r.samples for r in open_corpus(tmp_path / "corpus").recordings if r.id == "high.wav"] == [8000]


def test_a_single_recording(tmp_path):
    source = folder_of(tmp_path / "source", {"a.wav": noise()})
    audit = prepare(source / "a.wav", tmp_path / "corpus")
    assert [recording.id for recording in open_corpus(tmp_path / "corpus").recordings] == ["a.wav"]
    assert any("split is empty" in warning for warning in audit["warnings"])


def test_by_speaker_refuses_files_of_no_speaker(source, tmp_path):
    folder_of(source, {"stray.wav": noise()})
    audit = prepare(source, tmp_path / "corpus", split_by="speaker")
    assert [os.path.basename(entry["file"]) for entry in audit["refused"]] == ["stray.wav"]
    speakers = {(recording.speaker, recording.split) for recording in open_corpus(tmp_path / "corpus").recordings}
    assert speakers == {(speaker, split_of(speaker)) for speaker in "abc"}


@pytest.mark.parametrize(
    ("options", "words"),
    [({"split_by": "speakers"}, "did you mean speaker"), ({"sample_rate": 10}, "sample rate 10")],
)
def test_bad_options(source, tmp_path, options, words):
    with pytest.raises(UserError, match=words):
        prepare(source, tmp_path / "corpus", **options)
    assert os.listdir(tmp_path) == ["source"]


def test_missing_source(tmp_path):
    with pytest.raises(UserError, match="nowhere: cannot be read: No such file"):
        prepare(tmp_path / "nowhere", tmp_path / "corpus")
    assert os.listdir(tmp_path) == []


def test_what_exists_is_never_overwritten(source, corpus):
    before = (corpus / "pcm.i16").read_bytes()
    with pytest.raises(UserError, match="exists already; name another folder, or give `force=True`"):
        prepare(source, corpus)
    with pytest.raises(UserError, match="exists already"):
        prepare(source, source)
    assert (corpus / "pcm.i16").read_bytes() == before


@pytest.mark.parametrize("limit", [4096, 70000, 90000])  # in the middle of pcm.i16, and at other places
def test_full_disk_leaves_nothing(source, tmp_path, limit):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(UserError, match="corpus: cannot be written: File too large"):
            prepare(source, tmp_path / "corpus")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(tmp_path) == ["source"]

import json
import os
import resource
import shutil
import tracemalloc

import bad_audio
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wavegen.audio import files as audio_files
from wavegen.cli import main
from wavegen.data.corpus import open_corpus
from wavegen.data.index import Recording
from wavegen.data.preparing.audio import prepare
from wavegen.data.splits import split_of
from wavegen.errors import UserError

RNG = np.random.default_rng(0)
NAMES = [f"{'abc'[n % 3]}/{n}.wav" for n in range(40)]


def noise(samples: int = 1200) -> np.ndarray:
    return RNG.integers(-9000, 9000, samples).astype(np.int16)


def folder_of(path, recordings, rate=8000):
    """A folder `path` of WAV files, {name: pcm}."""
    for name, pcm in recordings.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        audio_files.write(path / name, pcm, rate)
    return path


@pytest.fixture
def source(tmp_path):
    return folder_of(tmp_path / "source", {name: noise(1000 + 7 * n) for n, name in enumerate(NAMES)})


@pytest.fixture
def corpus(source, tmp_path):
    prepare(source, tmp_path / "corpus")
    return tmp_path / "corpus"


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
    assert all(opened.audit["splits"][part[0].split]["files"] == len(part) for part in parts)
    with pytest.raises(UserError, match="tests is not a split; did you mean test"):
        opened.split("tests")


@given(
    names=st.sets(st.text("ab/é ", min_size=1, max_size=6).map(lambda s: s.strip("/ ") or "x"), min_size=2, max_size=8)
)
@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_identical_audio_is_never_on_both_sides(tmp_path, names):
    shutil.rmtree(tmp_path)
    pcm = noise()
    names = {"/".join(part.strip() or "y" for part in name.split("/")) for name in names}
    folder_of(tmp_path / "source", {f"{name}.wav": pcm for name in names})
    audit = prepare(tmp_path / "source", tmp_path / "corpus")
    assert len({recording.split for recording in open_corpus(tmp_path / "corpus").recordings}) == 1
    assert audit["duplicates"] == ([sorted(f"{name}.wav" for name in names)] if len(names) > 1 else [])


def test_an_added_copy_takes_nothing_back_from_what_is_held_out(tmp_path):
    """Whatever the copy is called, one name sorts before all others; copies of what is trained on may be held out."""
    held_out = [name for name in NAMES if split_of(name) != "train"]
    folder_of(tmp_path / "source", {name: noise(1000 + 7 * n) for n, name in enumerate(NAMES)})
    prepare(tmp_path / "source", tmp_path / "before")
    train = next(f"0{n}.wav" for n in range(99) if split_of(f"0{n}.wav") == "train")
    for number, name in enumerate(held_out):
        copy = tmp_path / "source" / f"{'!' * (number + 1)}" / train
        copy.parent.mkdir()
        shutil.copy(tmp_path / "source" / name, copy)
    prepare(tmp_path / "source", tmp_path / "after")
    before, after = (
        {recording.id: recording.split for recording in open_corpus(tmp_path / name).recordings}
        for name in ("before", "after")
    )
    assert {after[name] for name in held_out if before[name] == "test"} == {"test"}
    assert {after[name] for name in held_out} <= {"validation", "test"}


def test_fingerprint_is_of_the_contents(source, tmp_path):
    def fingerprint(name, source=source, **options):
        prepare(source, tmp_path / name, **options)
        return open_corpus(tmp_path / name).fingerprint

    first = fingerprint("1")
    assert first == fingerprint("2", shutil.copytree(source, tmp_path / "elsewhere"))
    assert len(first) == 16
    assert first != fingerprint("3", split_by="speaker")
    assert first != fingerprint("4", sample_rate=16000)
    pcm = audio_files.read(source / NAMES[3]).pcm.copy()
    pcm[5] += 1
    audio_files.write(source / NAMES[3], pcm, 8000)
    changed = fingerprint("5")
    assert first != changed
    (source / NAMES[3]).rename(source / "renamed.wav")
    assert changed != fingerprint("6")


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


def test_memory_holds_one_recording(tmp_path):
    source = folder_of(tmp_path / "source", {f"{n}.wav": noise(400_000) for n in range(40)})
    tracemalloc.start()
    prepare(source, tmp_path / "corpus")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 15e6  # all 40 are 32 MB
    assert os.path.getsize(tmp_path / "corpus/pcm.i16") == 32_000_000


def _description(**changes):
    def damage(corpus):
        about = json.loads((corpus / "corpus.json").read_text())
        (corpus / "corpus.json").write_text(json.dumps(about | changes))

    return damage


def _splits(**changes):
    return {name: {"files": 1, "minutes": 1.0, **changes} for name in ("train", "validation", "test")}


def _index(edit):
    def damage(corpus):
        lines = (corpus / "index.jsonl").read_text().splitlines(keepends=True)
        (corpus / "index.jsonl").write_text("".join(edit(lines)))

    return damage


def _pipe(file):
    file.unlink()
    os.mkfifo(file)


DAMAGES = {
    "gone": (shutil.rmtree, "no such folder; make one with: wavegen prepare SOURCE"),
    "half-written": (lambda c: (c / "corpus.json").unlink(), r"is not a corpus \(no corpus.json in it\)"),
    "description cut short": (lambda c: os.truncate(c / "corpus.json", 100), "corpus.json: damaged"),
    "description empty": (lambda c: os.truncate(c / "corpus.json", 0), "corpus.json: damaged"),
    "description a list": (lambda c: (c / "corpus.json").write_text("[]"), "corpus.json: damaged"),
    "description binary": (lambda c: (c / "corpus.json").write_bytes(b"\xff\xfe\0"), "corpus.json: damaged"),
    "another format": (_description(format="zip"), "corpus.json: damaged, or not written by wavegen"),
    "newer version": (_description(version=2), r"written by a newer wavegen \(version 2, this reads 1\)"),
    "audit empty": (_description(audit={}), "corpus.json: damaged"),
    "audit's splits a list": (_description(audit={"splits": []}), "corpus.json: damaged"),
    "audit's minutes a word": (_description(audit={"splits": _splits(minutes="x")}), "corpus.json: damaged"),
    "audit's minutes NaN": (
        _description(audit={"splits": _splits(minutes=float("nan"))}),
        "corpus.json: damaged",
    ),
    "audit's files below zero": (_description(audit={"splits": _splits(files=-1)}), "corpus.json: damaged"),
    "pieces of no length": (_description(audit={"splits": _splits(), "cut": {"seconds": 0}}), "corpus.json: damaged"),
    "no sample rate": (_description(sample_rate=0), "corpus.json: damaged"),
    "rate a word": (_description(sample_rate="8k"), "corpus.json: damaged"),
    "another rate": (_description(sample_rate=16000), "does not fit corpus.json"),
    "another fingerprint": (_description(fingerprint="0" * 16), "does not fit corpus.json"),
    "no index": (lambda c: (c / "index.jsonl").unlink(), "index.jsonl: cannot be read"),
    "index cut between lines": (_index(lambda lines: lines[:-1]), "does not fit corpus.json"),
    "index cut in a line": (_index(lambda lines: [*lines[:-1], lines[-1][:30]]), "index.jsonl: line 40 is damaged"),
    "index line a number": (_index(lambda lines: [*lines[:3], "7\n", *lines[4:]]), "index.jsonl: line 4 is damaged"),
    "index shuffled": (_index(lambda lines: lines[::-1]), "index.jsonl: line 1 is damaged"),
    "a split changed": (_index(lambda lines: [line.replace("validation", "train") for line in lines]), "does not fit"),
    "no samples": (lambda c: (c / "pcm.i16").unlink(), "pcm.i16: cannot be read"),
    "description too deep": (lambda c: (c / "corpus.json").write_text("[" * 10**5), "corpus.json: damaged"),
    "fingerprint no text": (_description(fingerprint="\ud800"), "corpus.json: damaged"),
    "index too deep": (lambda c: (c / "index.jsonl").write_text('{"id":' * 10**5), "index.jsonl: line 1 is damaged"),
    "index a pipe": (lambda c: _pipe(c / "index.jsonl"), "index.jsonl: is no regular file"),
    "samples a pipe": (lambda c: _pipe(c / "pcm.i16"), "pcm.i16: is no regular file"),
    "samples a folder": (lambda c: ((c / "pcm.i16").unlink(), (c / "pcm.i16").mkdir()), "pcm.i16: is no regular file"),
    "a speaker changed": (_index(lambda lines: [line.replace('"a"', '"c"') for line in lines]), "does not fit"),
    "a source changed": (_index(lambda lines: [line[:-3] + '!"}\n' for line in lines]), "does not fit"),
    "samples cut short": (lambda c: os.truncate(c / "pcm.i16", 1000), "pcm.i16: has 1000 bytes, its index says"),
    "samples too many": (lambda c: os.truncate(c / "pcm.i16", 10**6), "pcm.i16: has 1000000 bytes"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_corpus_gets_one_line(corpus, name):
    damage, words = DAMAGES[name]
    damage(corpus)
    with pytest.raises(UserError, match=words) as caught:
        open_corpus(corpus)
    assert str(caught.value).startswith(str(corpus))
    assert "\n" not in str(caught.value)


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


WRONG = {
    "id": [None, 7, True, ["a"]],
    "speaker": [3, ["a"], {}],
    "offset": [True, 1.0, None],
    "samples": [1000.0, True, 10**30, float("nan")],
    "content_hash": [None, 5],
    "source": [None, 1.5],
    "transcript": [1, ["a"]],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_line_with_a_value_of_another_type_is_damaged(corpus, name, value):
    _without_seal(corpus)
    lines = (corpus / "index.jsonl").read_text().splitlines(keepends=True)
    lines[0] = json.dumps(json.loads(lines[0]) | {name: value}) + "\n"
    (corpus / "index.jsonl").write_text("".join(lines))
    with pytest.raises(UserError, match=r"index\.jsonl: line 1 is damaged"):
        open_corpus(corpus)


AUDITS = [
    {},
    {"splits": None},
    {"splits": []},
    {"minutes": float("nan")},
    {"minutes": "x"},
    {"minutes": 10**400},
    {"peak": None},
    {"duplicates": 7},
    {"refused": [{}]},
    {"warnings": 3},
    {"cut": 5},
    {"bits": float("inf")},
]


@pytest.mark.parametrize("changes", AUDITS, ids=str)
def test_a_damaged_audit_is_told(corpus, changes, capsys):
    about = json.loads((corpus / "corpus.json").read_text())
    about["audit"] = about["audit"] | changes if changes else {}
    (corpus / "corpus.json").write_text(json.dumps(about))
    for option in [], ["--json"]:
        assert main.main(["info", str(corpus), *option]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert "corpus.json: damaged" in err


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


TRAIN = sum(split_of(name) == "train" for name in NAMES)


def test_a_file_is_no_corpus(source):
    with pytest.raises(UserError, match="is not a corpus"):
        open_corpus(source / NAMES[0])

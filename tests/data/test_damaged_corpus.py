"""Whatever is damaged in a corpus is said in one line that names the file."""

import json
import os
import shutil

import pytest
from noise_corpora import corpus_of, source_in

from wavegen.cli import main
from wavegen.data.corpus import open_corpus
from wavegen.data.index import Fingerprint, Recording
from wavegen.errors import UserError
from wavegen.models.forms import AudioForm


@pytest.fixture
def corpus(tmp_path):
    return corpus_of(source_in(tmp_path))


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


@pytest.mark.parametrize("sealed", [True, False])
def test_an_id_that_occurs_twice_is_refused(corpus, sealed):
    """Also in corpora made before there were seals, whose fingerprint fits."""
    if sealed:
        (corpus / "index.rows").unlink()
    else:
        _without_seal(corpus)
    lines = [json.loads(line) for line in (corpus / "index.jsonl").read_text().splitlines()]
    lines[7]["id"] = lines[2]["id"]
    (corpus / "index.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    fingerprint = Fingerprint(AudioForm(8000))
    for line in lines:
        fingerprint.add(Recording(**line))
    _description(fingerprint=fingerprint.hex())(corpus)
    with pytest.raises(UserError, match=r"index\.jsonl: line 8 repeats the id of another; prepare the corpus again"):
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

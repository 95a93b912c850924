"""However many files there are, an audit is short to read, and whole in JSON."""

import json

import miniature_corpora
import numpy as np
import pytest
from audits import audit_with

from wavegen.audio import files as audio_files
from wavegen.cli.main import main
from wavegen.data.preparing.audit_lines import MAX_REASONS, duplicate_lines, refused_lines

MANY = 300


@pytest.fixture
def source(tmp_path):
    """Three hundred equal files, as many that are text, too short (by different lengths), or hold nothing."""
    folder = tmp_path / "source"
    folder.mkdir()
    for number in range(MANY):
        audio_files.write(folder / f"a silence with a long name {number:05}.wav", np.zeros(900, np.int16), 8000)
        (folder / f"text {number:05}.wav").write_text("this is text, not audio")
        audio_files.write(
            folder / f"short {number:05}.wav", miniature_corpora.sound(1, 8000, 0.001 + number / 10**4), 8000
        )
        audio_files.write(folder / f"empty {number:05}.wav", np.zeros(0, np.int16), 8000)
    return folder


def test_thousands_of_duplicates_and_refusals_are_a_few_lines(source, tmp_path, capsys):
    assert main(["prepare", str(source), str(tmp_path / "corpus")]) == 0
    said = capsys.readouterr().out
    assert main(["info", str(tmp_path / "corpus")]) == 0
    assert said in capsys.readouterr().out, "info says what prepare did"
    lines = said.splitlines()
    assert max(map(len, lines)) < 400
    assert len(lines) < 20
    assert f"{MANY - 1} duplicates of other files" in said
    assert f"and {MANY - 3} more" in said
    assert f"{3 * MANY} files refused; corpus.json has all:" in lines
    for name in ("text", "short", "empty"):
        (line,) = [line for line in lines if f"{name} 00000.wav" in line]
        assert line.startswith(f"  {MANY} files: ")
        assert line.endswith(f": {name} 00000.wav, {name} 00001.wav, {name} 00002.wav and {MANY - 3} more")


def test_json_has_all(source, tmp_path, capsys):
    assert main(["prepare", str(source), str(tmp_path / "corpus"), "--json"]) == 0
    audit = json.loads(capsys.readouterr().out)
    assert len(audit["refused"]) == 3 * MANY
    assert sorted(map(len, audit["duplicates"])) == [MANY]


def test_many_reasons_and_long_names_are_bounded():
    reasons = ["because of " + "x" * number for number in range(26)]
    refused = [{"file": f"{number}.wav", "reason": f"{number}.wav: {why}"} for number, why in enumerate(reasons)]
    refused += [{"file": "f" * 5000, "reason": "f" * 5000 + ": " + "r" * 5000}]
    lines = list(refused_lines(audit_with(refused=refused[::-1])))
    assert len(lines) == MAX_REASONS + 2
    assert lines[-1] == f"  and {27 - MAX_REASONS} files for other reasons"
    assert max(map(len, lines)) < 400


def test_what_audits_of_before_say_is_kept():
    """Their reasons begin with paths as they were given."""
    refused = [{"file": "/data/a.wav", "reason": "/data/a.wav: holds no samples; leave it out"}]
    assert list(refused_lines(audit_with(refused=refused)))[1] == "  /data/a.wav: holds no samples; leave it out"
    refused = [{"file": f"{n}.wav", "reason": f"{n}.wav: is {n} s long, 4 is the least"} for n in (1, 2, 3)]
    assert list(refused_lines(audit_with(refused=refused)))[1] == (
        "  3 files: for example is 1 s long, 4 is the least: 1.wav, 2.wav, 3.wav"
    )
    refused = [{"file": f"{n}.wav", "reason": f"{n}.wav: has 0 samples"} for n in (1, 2, 3)]
    assert list(refused_lines(audit_with(refused=refused)))[1] == "  3 files: has 0 samples: 1.wav, 2.wav, 3.wav"
    assert list(refused_lines(audit_with(refused=[]))) == list(duplicate_lines(audit_with(duplicates=[]))) == []


def test_one_duplicate_is_named_with_its_copy():
    (line,) = duplicate_lines(audit_with(duplicates=[["a.wav", "b.wav"]]))
    assert line.endswith("as those: a.wav = b.wav …")

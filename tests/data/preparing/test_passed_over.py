"""Files that prepare does not read are counted by kind."""

import json
from collections import Counter

import miniature_corpora
import pytest

from wavegen.audio import files as audio_files
from wavegen.audio.headers import UNREADABLE
from wavegen.cli.main import main
from wavegen.data.preparing.passed_over import NO_SUFFIX, by_number, passed_over_text, passed_over_warnings

OTHERS = {".m4a": 5, ".M4A": 2, ".wma": 1, ".txt": 12, ".json": 1, ".png": 2, "": 3}


@pytest.fixture
def source(tmp_path):
    for number in range(12):
        (tmp_path / "source/in").mkdir(parents=True, exist_ok=True)
        audio_files.write(tmp_path / f"source/in/{number}.wav", miniature_corpora.sound(number, 8000, 0.2), 8000)
    for kind, number in OTHERS.items():
        for each in range(number):
            (tmp_path / f"source/in/{'README' if kind == '' else 'x'}{each}{kind}").write_bytes(b"\0" * 100)
    for name in (".DS_Store", "._0.wav", "Thumbs.db", "in/desktop.ini", "in/.hidden.m4a"):
        (tmp_path / "source" / name).write_text("of a file manager")
    return tmp_path / "source"


COUNTS = {".txt": 12, ".m4a": 7, NO_SUFFIX: 3, ".png": 2, ".json": 1, ".wma": 1}


@pytest.mark.parametrize("strict", [[], ["--strict"]])
def test_they_are_in_the_audit_the_text_and_info(source, tmp_path, capsys, strict):
    corpus = str(tmp_path / "corpus")
    assert main(["prepare", str(source), corpus, "--json", *strict]) == 0
    audit = json.loads(capsys.readouterr().out)
    assert audit["passed_over"] == COUNTS
    assert list(audit["passed_over"]) == list(COUNTS)
    (warning,) = [each for each in audit["warnings"] if "passed over" in each]
    assert warning.startswith("7 .m4a, 1 .wma passed over: they hold sound that is not read here; convert to FLAC")
    assert (audit["files"], audit["refused"]) == (12, [])
    assert main(["info", corpus]) == 0
    text = capsys.readouterr().out
    assert "passed over: 12 .txt, 7 .m4a, 3 without a suffix, 2 .png, 1 .json, 1 .wma\n" in text + "\n"


def test_a_single_file_and_a_clean_folder_pass_over_nothing(source, tmp_path, capsys):
    assert main(["prepare", str(source / "in/0.wav"), str(tmp_path / "corpus"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["passed_over"] == {}
    assert main(["info", str(tmp_path / "corpus")]) == 0
    assert "passed over" not in capsys.readouterr().out


def test_names_of_two_normal_forms_are_not_counted_twice(source, tmp_path, capsys):
    """The folder is listed again then."""
    for name in ("\xe9.wav", "e\u0301.wav"):
        audio_files.write(source / name, miniature_corpora.sound(1, 8000, 0.2), 8000)
    assert main(["prepare", str(source), str(tmp_path / "corpus"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["passed_over"] == COUNTS


def test_one_file_is_spoken_of_as_one():
    assert passed_over_warnings({".m4a": 1})[0].startswith("1 .m4a passed over: it holds sound")
    assert passed_over_warnings({".txt": 500, NO_SUFFIX: 3}) == []


def test_kinds_are_bounded_in_text():
    passed = by_number(Counter({f".{number:03}": 1 for number in range(999)} | {".m4a": 2}))
    assert passed_over_text(passed).startswith("2 .m4a, 1 .000, ")
    assert passed_over_text(passed).endswith(" and 992 more")
    assert len(passed) == 1000


def test_no_kind_that_is_read_counts_as_unread():
    assert not UNREADABLE.keys() & audio_files.SUFFIXES


def test_samples_without_a_header_are_said_to_be_so():
    (line,) = passed_over_warnings({".sln": 3, ".pcm": 1, ".txt": 2})
    assert line.startswith(
        "3 .sln, 1 .pcm passed over, which have no header; if it is sound, give it one, as with: sox"
    )

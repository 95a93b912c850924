"""What is held out is said to be too little, silent, or of one speaker, before anybody relies on it."""

import json
import re
import shlex

import miniature_corpora
import pytest
from audits import audit_with

from wavegen.audio import files as audio_files
from wavegen.cli.main import main
from wavegen.data.preparing.audio import prepare
from wavegen.data.preparing.held_out import advice, split_doubts, split_warnings
from wavegen.data.splits import split_of

NAMES = {
    split: [f"{n}.wav" for n in range(300) if split_of(f"{n}.wav") == split]
    for split in ("train", "validation", "test")
}
MANY = {"train": [2.0] * 20, "validation": [4.0] * 4, "test": [4.0] * 4}


def folder_of(folder, lengths, silent=()):
    """Recordings of so many seconds in each split, noise or silence."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, seconds in lengths.items():
        for number, (name, length) in enumerate(zip(NAMES[split], seconds, strict=False)):
            pcm = miniature_corpora.sound(hash((split, number)) % 10**6, 8000, length)
            audio_files.write(folder / name, pcm * (split not in silent), 8000)
    return folder


def warnings_of(tmp_path, lengths, silent=(), **options):
    return prepare(folder_of(tmp_path / "source", lengths, silent), tmp_path / "corpus", **options)["warnings"]


def test_enough_is_not_warned_of(tmp_path):
    assert [each for each in warnings_of(tmp_path, MANY) if "split" in each] == []


def test_a_long_file_is_enough_to_train_on(tmp_path):
    found = warnings_of(tmp_path, MANY | {"train": [60.0]})
    assert [each for each in found if "split" in each] == []


def test_few_short_recordings_are_not_split_by_time(tmp_path):
    """Whose ends would be no piece: all would be trained on."""
    folder_of(tmp_path / "source", {"train": [1.0] * 6, "validation": [1.0], "test": [1.0]})
    audit = prepare(tmp_path / "source", tmp_path / "corpus", cut=1)
    assert list(audit)[-3:] == ["passed_over", "cut", "advice"]
    assert audit["split_by"] == "file"
    assert [of["files"] for of in audit["splits"].values()] == [6, 1, 1]


@pytest.mark.parametrize(
    ("lengths", "silent", "words"),
    [
        ({"validation": [0.1]}, (), "the validation split is 0.1 s in 1 file: too little to choose the best model by"),
        ({"test": [12.0]}, (), "the test split is 12.0 s in 1 file: .* no interval over one file"),
        ({"test": [6.0, 6.0]}, (), "the test split is 12.0 s in 2 files: too little to report bits of$"),
        ({"test": [0.5] * 9}, (), "the test split is 4.5 s in 9 files"),
        ({"train": [0.5] * 9}, (), "the train split is 4.5 s in 9 files: too little to train on"),
        ({}, ("test",), "100% of the test split is digital silence"),
        ({}, ("validation",), "100% of the validation split is digital silence"),
        ({"validation": [15.0] * 4}, (), r"the validation split \(1.0 min\) is larger than train \(40.0 s\)"),
        ({"test": [75.0]}, (), r"the test split \(1.2 min\) is larger than train"),
        ({"test": []}, (), r"the test split is empty \(nothing to report\)"),
        ({"train": []}, (), r"the train split is empty \(nothing to train on\)"),
    ],
)
def test_too_little_is_said(tmp_path, lengths, silent, words):
    found = warnings_of(tmp_path, MANY | lengths, silent)
    assert any(re.search(words, warning) for warning in found), found


@pytest.mark.parametrize(
    ("lengths", "wanted"),
    [
        ([120], "--cut 4"),
        ([120] * 3, "--cut 10"),
        ([40] * 12, "--cut 10 --split-by time"),
        ([0.3] * 12, None),
        ([2] * 10, None),
    ],
)
def test_a_command_is_advised_that_helps(tmp_path, capsys, lengths, wanted):
    """Of few long recordings; short ones are not made more by cutting. What is advised is carried out here."""
    folder = tmp_path / "my source"
    folder.mkdir()
    for number, seconds in enumerate(lengths):
        pcm = miniature_corpora.sound(number, 8000, seconds)
        audio_files.write(folder / NAMES["train"][number], pcm, 8000)
    assert main(["prepare", str(folder), str(tmp_path / "corpus"), "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["advice"] == wanted
    if wanted is None:
        assert "wavegen prepare" not in err
        return
    assert f"prepare them again with {wanted}, which cuts them" in " ".join(json.loads(out)["warnings"])
    (command,) = re.findall("for larger held-out splits: (.*)", err)
    assert main([*shlex.split(command)[1:], "--json"]) == 0
    better = json.loads(capsys.readouterr().out)
    assert all(of["files"] >= 3 for of in better["splits"].values())
    assert better["advice"] is None


def test_advice_needs_no_more_than_an_audit():
    splits = {name: {"files": 1, "minutes": 1} for name in ("train", "validation", "test")}
    audit = audit_with(splits=splits, split_by="file", minutes=3, files=3)
    assert advice(audit) == "--cut 6"
    assert advice(audit | {"split_by": "official"}) is advice(audit | {"split_by": "speaker"}) is None


def test_audits_of_before_are_understood():
    splits = {name: {"files": 5, "minutes": 1} for name in ("train", "validation", "test")}
    assert split_doubts(audit_with(splits=splits), "test") == []
    assert split_warnings(audit_with(splits=splits, advice=None, split_by="file")) == []


SPEAKERS = {
    "a level too high": (
        [f"train-clean-100/{100 + s}/7/{i}.wav" for s in range(12) for i in range(3)],
        r"only 1 speaker \(train-clean-100\); speakers are the top folders of SOURCE, which hold 12 folders: .*name a "
        "folder deeper, as SOURCE/train-clean-100",
    ),
    "two folders too high": (
        [f"{part}/{s}/{i}.wav" for part in ("dev-clean", "test-clean") for s in range(6) for i in range(3)],
        r"only 2 speakers \(dev-clean, test-clean\); .* which hold 12 folders: .*name a folder deeper",
    ),
    "one speaker": ([f"bob/{i}.wav" for i in range(9)], r"only 1 speaker \(bob\); .*add speakers, or split by file"),
    "one speaker's sessions are one folder": (
        [f"bob/monday/{i}.wav" for i in range(9)],
        r"only 1 speaker \(bob\); .*add speakers, or split by file",
    ),
}


@pytest.mark.parametrize("layout", SPEAKERS)
def test_too_few_speakers_are_said(tmp_path, layout):
    names, words = SPEAKERS[layout]
    for number, name in enumerate(names):
        (tmp_path / "s" / name).parent.mkdir(parents=True, exist_ok=True)
        audio_files.write(tmp_path / "s" / name, miniature_corpora.sound(number, 8000, 0.2), 8000)
    audit = prepare(tmp_path / "s", tmp_path / "corpus", split_by="speaker")
    assert audit["speakers"] == len({name.split("/")[0] for name in names})
    assert re.search(words, " ".join(audit["warnings"]))
    assert "cut" not in " ".join(audit["warnings"])
    by_file = prepare(tmp_path / "s", tmp_path / "by-file")
    assert "speaker" not in " ".join(by_file["warnings"]), "whose speakers do not matter"


def test_speakers_enough_are_counted_and_no_more(tmp_path, capsys):
    for speaker in range(12):
        for session in range(2):
            path = tmp_path / f"s/p{speaker}/{session}/a.wav"
            path.parent.mkdir(parents=True)
            audio_files.write(path, miniature_corpora.sound(2 * speaker + session, 8000, 0.2), 8000)
    assert main(["prepare", str(tmp_path / "s"), str(tmp_path / "corpus"), "--split-by", "speaker"]) == 0
    out = capsys.readouterr().out
    assert "\n12 speakers, whole ones held out\n" in out
    assert "only 12" not in out


def test_compare_says_so_of_a_test_split_of_one_file(tmp_path, capsys):
    from wavegen.evaluation.comparison import compare

    folder_of(tmp_path / "source", {"train": [4.0] * 6, "test": [1.0]})
    prepare(tmp_path / "source", tmp_path / "corpus")
    assert main(["prepare", str(tmp_path / "source"), str(tmp_path / "cut"), "--cut", "1"]) == 0
    for split, corpus, words in (("test", "corpus", "1.0 s in 1 file: "), ("validation", "cut", "6 pieces")):
        (warning,) = compare({}, tmp_path / corpus, split=split, without=["adaptive coder"])["warnings"]
        assert f"the {split} split is " in warning
        assert words in warning

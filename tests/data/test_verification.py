"""A corpus whose samples are no longer those that were prepared is refused by every command that would use them."""

import json
import os
import shutil

import numpy as np
import pytest
import small_trainings
import workspace

from wavegen.cli.main import main
from wavegen.data import verification
from wavegen.data.corpus import Corpus, open_corpus
from wavegen.data.preparing.pictures import prepare_pictures
from wavegen.data.splits import SPLITS
from wavegen.data.verification import Verification, verify
from wavegen.errors import UserError
from wavegen.models import checkpoint
from wavegen.training import train
from wavegen.training.distributed import Processes
from wavegen.training.origin import check_recordings


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    workspace.furnish(tmp_path)
    return tmp_path


@pytest.fixture
def corpus(folder) -> Corpus:
    return open_corpus(folder / "corpus")


def change(corpus: Corpus, split: str, number: int = 0) -> str:
    """Alters the last sample of a recording of the split; gives its id."""
    recording = corpus.split(split)[number]
    last = 2 * (recording.offset + recording.samples) - 2
    with open(corpus.path / "pcm.i16", "r+b") as file:
        file.seek(last)
        code = file.read(1)[0]
        file.seek(last)
        file.write(bytes([code ^ 1]))
    return recording.id


def refusal(corpus: Corpus, *splits: str) -> str:
    with pytest.raises(UserError) as refused:
        verify(open_corpus(corpus.path), splits)
    return str(refused.value)


def test_a_corpus_as_it_was_prepared_is_fine(corpus):
    verify(corpus, SPLITS)
    assert not (corpus.path / "verified.json").exists(), "a small one is checked each time"


@pytest.mark.parametrize("split", SPLITS)
def test_one_changed_bit_is_noticed_in_its_split_and_only_there(split, corpus):
    name = change(corpus, split)
    assert refusal(corpus, split).startswith(f"{corpus.path}: recording {name}: the samples in pcm.i16 are not those")
    verify(corpus, [other for other in SPLITS if other != split])


def test_half_a_copy_is_noticed_and_its_recordings_counted(corpus):
    size = os.path.getsize(corpus.path / "pcm.i16")
    with open(corpus.path / "pcm.i16", "r+b") as file:
        file.seek(size // 2)
        file.write(bytes(size - size // 2))
    gone = [one.id for one in corpus.recordings if 2 * (one.offset + one.samples) > size // 2]
    assert f"recording {gone[0]} and {len(gone) - 1} more: the samples" in refusal(corpus, *SPLITS)


def test_two_recordings_of_one_length_that_changed_places_are_noticed(tmp_path):
    corpus = small_trainings.make_corpus(tmp_path)
    one, two = corpus.split("train")[:2]
    length = min(one.samples, two.samples)
    pcm = np.memmap(corpus.path / "pcm.i16", "<i2", "r+")
    first, second = (slice(entry.offset, entry.offset + length) for entry in (one, two))
    pcm[first], pcm[second] = pcm[second].copy(), pcm[first].copy()
    pcm.flush()
    assert f"recording {one.id} and 1 more" in refusal(corpus, "train")


def test_a_border_that_was_moved_in_the_index_is_noticed(corpus):
    lines = (corpus.path / "index.jsonl").read_text().splitlines(keepends=True)
    first, second = json.loads(lines[0]), json.loads(lines[1])
    first["samples"] += 5
    second["offset"], second["samples"] = second["offset"] + 5, second["samples"] - 5
    lines[:2] = [json.dumps(entry) + "\n" for entry in (first, second)]
    (corpus.path / "index.jsonl").write_text("".join(lines))
    with pytest.raises(UserError, match=r"does not fit corpus\.json"):
        open_corpus(corpus.path)
    about = json.loads((corpus.path / "corpus.json").read_text())
    del about["seal"]  # as in older corpora
    (corpus.path / "corpus.json").write_text(json.dumps(about))
    assert f"{first['id']} and 1 more" in refusal(corpus, *SPLITS)


def test_pictures_are_checked_too(tmp_path):
    prepare_pictures("digits", None, tmp_path / "digits", levels=16)
    corpus = open_corpus(tmp_path / "digits")
    verify(corpus, SPLITS)
    name = change(corpus, "test", 3)
    assert f"recording {name}: the samples" in refusal(corpus, "test")


@pytest.mark.parametrize(
    ("split", "command"),
    [
        ("test", "compare gru --corpus corpus"),
        ("train", "compare gru --corpus corpus"),  # the training histogram reads it
        ("validation", "compare gru --corpus corpus --split validation"),
        ("test", "score gru corpus"),
        ("validation", "quantize gru q.safetensors --corpus corpus"),
        ("train", "features gru corpus f.npz"),
        ("train", "train recipe.toml --run run"),
        ("validation", "train recipe.toml --run run"),
    ],
)
def test_every_command_checks_what_it_uses(split, command, corpus, capsys):
    name = change(corpus, split)
    assert main(command.split()) == 2
    assert f"corpus: recording {name}: the samples in pcm.i16 are not those" in capsys.readouterr().err
    assert not [path for path in ("q.safetensors", "f.npz", "run/resume.safetensors") if os.path.exists(path)]


def test_a_run_is_not_resumed_on_changed_recordings(corpus, capsys):
    assert main(["train", "recipe.toml", "--run", "run"]) == 0
    change(corpus, "train", 5)
    state = (corpus.path.parent / "run/resume.safetensors").read_bytes()
    assert main(["train", "recipe.toml", "--run", "run", "--resume"]) == 2
    assert "the samples in pcm.i16 are not those" in capsys.readouterr().err
    assert (corpus.path.parent / "run/resume.safetensors").read_bytes() == state


def test_what_is_not_used_is_not_checked(corpus, capsys):
    change(corpus, "test")
    assert main(["train", "recipe.toml", "--run", "run"]) == 0
    change(corpus, "train")
    assert (
        main(["compare", "gru", "--corpus", "corpus", "--split", "validation", "--without", "training histogram"]) == 0
    )


@pytest.fixture
def large(monkeypatch):
    """Every corpus is a large one, read in small pieces; gives the list of what was hashed."""
    monkeypatch.setattr(verification, "STAMP_FROM", 1)
    monkeypatch.setattr(verification, "PORTION", 5000)
    monkeypatch.setattr(verification, "BYTES_AT_ONCE", 333)
    hashed = []
    plain = verification._hash
    monkeypatch.setattr(verification, "_hash", lambda *args: hashed.append(args[1]) or plain(*args))
    return hashed


def test_a_large_corpus_is_read_once_until_it_changes(corpus, large):
    verify(corpus, ["test"])
    once = len(large)
    assert once == len(corpus.split("test"))
    verify(corpus, ["test"])
    assert len(large) == once
    verify(corpus, ["train", "validation"])
    assert sorted(large) == sorted(2 * recording.offset for recording in corpus.recordings)
    verify(corpus, SPLITS)
    assert len(large) == len(corpus.recordings)
    change(corpus, "train")
    assert "the samples in pcm.i16" in refusal(corpus, "train", "validation")
    assert "the samples in pcm.i16" in refusal(corpus, "train", "validation"), "nothing was noted of the failure"


def test_a_copy_is_read_again_and_so_is_what_was_written_in_the_past(corpus, large, tmp_path):
    verify(corpus, ["test"])
    shutil.copytree(corpus.path, tmp_path / "copy", copy_function=shutil.copy2)
    copy = open_corpus(tmp_path / "copy")
    change(copy, "test")
    before = os.stat(corpus.path / "pcm.i16")
    os.utime(copy.path / "pcm.i16", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (copy.path / "verified.json").exists()
    assert "the samples in pcm.i16" in refusal(copy, "test")


@pytest.mark.parametrize("stamp", ["", "[]", '{"splits": [[]], "files": {}}', '{"splits": ["test"], "files": {}}'])
def test_a_stamp_that_is_damaged_is_none(stamp, corpus, large):
    (corpus.path / "verified.json").write_text(stamp)
    verify(corpus, ["test"])
    assert len(large) == len(corpus.split("test"))
    assert json.loads((corpus.path / "verified.json").read_text())["splits"] == ["test"]


def test_where_nothing_can_be_noted_it_is_checked_each_time(corpus, large, monkeypatch):
    monkeypatch.setattr(verification, "replacing", lambda path: (_ for _ in ()).throw(PermissionError(13, "denied")))
    for times in (1, 2):
        verify(corpus, ["test"])
        assert len(large) == times * len(corpus.split("test"))


def test_processes_divide_the_recordings_among_them(corpus, large, monkeypatch):
    monkeypatch.setattr(verification, "ROUND_SECONDS", 0.0)
    for process in range(3):
        share = Verification(corpus, SPLITS, process, 3)
        assert len(list(share.rounds())) > 1, "they come back on the way"
    assert sorted(large) == sorted(2 * recording.offset for recording in corpus.recordings)
    assert not (corpus.path / "verified.json").exists(), "none of them may speak for the others"


class Pair(Processes):
    """One of two processes; the other does as it does."""

    def gathered(self, value):
        return [value, value]


def test_the_processes_of_each_machine_check_all_of_its_copy(corpus, large, monkeypatch):
    used = [*corpus.split("train"), *corpus.split("validation")]
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    for rank in (0, 1):
        monkeypatch.setenv("LOCAL_RANK", str(rank))
        check_recordings(corpus, Pair(rank, 2), progress=False)
        assert len(large) == (len(used) if rank else (len(used) + 1) // 2)
        assert (corpus.path / "verified.json").exists() == (rank == 0), "the first notes it when all are done"
        (corpus.path / "verified.json").unlink(missing_ok=True)
    assert sorted(large) == sorted(2 * recording.offset for recording in used)
    monkeypatch.delenv("LOCAL_WORLD_SIZE")
    check_recordings(corpus, Pair(1, 2), progress=False)
    assert len(large) == 2 * len(used), "not told how many there are on its machine it checks all"
    change(corpus, "train")
    with pytest.raises(SystemExit):
        check_recordings(corpus, Pair(1, 2), progress=False)
    with pytest.raises(UserError, match=r"the samples in pcm\.i16"):
        check_recordings(corpus, Pair(0, 2), progress=False)


def test_a_file_that_cannot_be_read_is_an_error_and_no_crash(corpus, monkeypatch):
    def broken(*_: object) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "pread", broken)
    assert refusal(corpus, "test") == f"{corpus.path}: cannot be read: Input/output error; copy the corpus again"


def test_a_model_says_what_it_was_trained_on_whatever_process_saved_it(tmp_path):
    corpus = small_trainings.make_corpus(tmp_path)
    model = checkpoint.load(
        train(small_trainings.recipe(steps=2, validate_every=2), corpus, tmp_path / "run", progress=False)
    )
    again = checkpoint.load(
        train(small_trainings.recipe(steps=2, validate_every=2), corpus, tmp_path / "run", resume=True, progress=False)
    )
    assert model.metadata == again.metadata
    assert {"trained_on", "validated_on", "training_ranges"} <= set(model.metadata)
    assert "init_trained_on" not in model.metadata

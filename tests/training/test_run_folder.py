"""The files of a run: damaged, on a full disk, of another corpus, left by a killed process."""

import dataclasses
import json
import math
import os

import pytest
import small_trainings
import workspace
from small_trainings import ends_as_if_never_stopped, recipe

from wavegen import modelfile
from wavegen.errors import UserError
from wavegen.models import checkpoint
from wavegen.training import train
from wavegen.training.board import Board
from wavegen.training.folder import _keep_metrics, read_state
from wavegen.training.trainer import Trainer

MISSING = object()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return small_trainings.make_corpus(tmp_path_factory.mktemp("training"))


@pytest.fixture(scope="module")
def state(corpus, tmp_path_factory):
    run = tmp_path_factory.mktemp("state")
    train(recipe(steps=2), corpus, run, progress=False)
    return checkpoint.read_tensors(run / "resume.safetensors")


def test_a_state_whose_weights_were_damaged_is_refused(corpus, tmp_path):
    run = tmp_path / "run"
    train(recipe(steps=2), corpus, run, progress=False)
    path = run / "resume.safetensors"
    damaged = bytearray(path.read_bytes())
    damaged[-9] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(UserError, match=r"resume.safetensors: the weights do not match their hash"):
        train(recipe(steps=2), corpus, run, resume=True, progress=False)
    assert path.read_bytes() == damaged


def test_a_state_is_no_model(corpus, tmp_path):
    train(recipe(steps=2), corpus, tmp_path / "run", progress=False)
    said = "resume.safetensors: is the state of a training, not a model; name the run folder .*/run, or a model in it"
    for read in (modelfile.read, checkpoint.load):
        with pytest.raises(UserError, match=said):
            read(tmp_path / "run" / "resume.safetensors")


@pytest.mark.parametrize("disk", ["full", "free"])
def test_a_full_disk_damages_nothing(disk, corpus, tmp_path, request):
    run = tmp_path / "run"
    run.mkdir()
    trainer = Trainer(recipe(), corpus, run)
    trainer.open()
    before = (run / "resume.safetensors").read_bytes()
    if disk == "full":
        request.getfixturevalue("full_disk")
        with pytest.raises(UserError, match=r"(model|last)\.safetensors: cannot be written: .*too large"):
            trainer.run_all(progress=False)
        assert (run / "resume.safetensors").read_bytes() == before
        assert not [path for path in run.iterdir() if ".part" in path.name or path.name in ("model.safetensors",)]
        return
    trainer.run_all(progress=False)
    assert (run / "resume.safetensors").read_bytes() != before, "or the test above would pass whatever was written"


def test_events_on_a_full_disk_get_one_line(tmp_path, monkeypatch):
    with open("/dev/full", "wb", buffering=0) as full:
        monkeypatch.setattr("tensorboardX.record_writer.open_file", lambda path: full)
        with pytest.raises(UserError, match="TensorBoard's events cannot be written: No space left on device"):
            Board(tmp_path, 0)


def test_a_corpus_that_changes_under_the_run_stops_it_and_nothing_is_saved(tmp_path):
    corpus = small_trainings.make_corpus(tmp_path)
    run = tmp_path / "run"
    run.mkdir()
    trainer = Trainer(recipe(), corpus, run)
    trainer.open()
    before = workspace.tree(run)
    os.utime(corpus.path / "pcm.i16", (1, 1))
    with pytest.raises(UserError, match=r"corpus: changed during the training; put the corpus back .* `resume=True`"):
        trainer.run_all(progress=False)
    after = workspace.tree(run)
    assert {name: after[name] for name in before if name != "metrics.jsonl"} == {
        name: content for name, content in before.items() if name != "metrics.jsonl"
    }
    ends_as_if_never_stopped(recipe(), corpus, run, tmp_path / "whole")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[(key, value) for key in ("best", "seconds") for value in (None, "x", True)],
        *[(key, value) for key in ("step", "samples", "validated", "since_best") for value in (None, "x", 1.5)],
        *[(key, MISSING) for key in ("best", "seconds", "step", "samples", "validated", "since_best", "init")],
        ("init", 3),
        ("corpus_fingerprint", None),
        ("inherited", None),
        ("inherited", {"trained_on": 3}),
    ],
)
def test_a_state_with_a_value_of_another_type_is_refused(key, value, state, corpus, tmp_path):
    tensors, header = state
    changed = {name: each for name, each in (header | {key: value}).items() if each is not MISSING}
    checkpoint.write_tensors(tmp_path / "resume.safetensors", tensors, changed)
    with pytest.raises(UserError, match=r"resume.safetensors: does not fit this run: altered, or of another run"):
        train(recipe(steps=2), corpus, tmp_path, resume=True, progress=False)


def test_a_run_is_resumed_before_its_first_validation(corpus, tmp_path):
    Trainer(recipe(steps=2), corpus, tmp_path).open()
    assert math.isinf(read_state(tmp_path)[2]["best"])
    train(recipe(steps=2), corpus, tmp_path, resume=True, progress=False)


def test_another_corpus_is_refused(corpus, tmp_path):
    run = tmp_path / "run"
    train(recipe(steps=2), corpus, run, progress=False)
    other = dataclasses.replace(corpus, fingerprint="0123456789abcdef")
    with pytest.raises(UserError, match=rf"was trained on corpus {corpus.fingerprint}, .* is 0123456789abcdef; give"):
        train(recipe(steps=2), other, run, resume=True, progress=False)


def test_what_a_killed_process_left_is_taken_away(corpus, tmp_path):
    run = tmp_path / "run"
    train(recipe(steps=2), corpus, run, progress=False)
    (run / ".model.safetensors.12345.part.safetensors").write_bytes(b"half")
    train(recipe(steps=2), corpus, run, resume=True, progress=False)
    assert not list(run.glob(".*.part*"))


def test_a_validation_that_was_not_saved_is_not_kept_twice(tmp_path):
    kept = [{"step": 10, "validation_bits": 9.0}, {"step": 20, "train_bits": 8.0}]
    lines = [*kept, {"step": 20, "validation_bits": 8.5}]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    _keep_metrics(tmp_path / "metrics.jsonl", step=20, validated=10)
    assert [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()] == kept

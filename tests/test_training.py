import dataclasses
import fcntl
import json
import math
import os
import signal
from unittest import mock

import numpy as np
import pytest
import tiny
import torch

from wavegen import audio, calibration, checkpoint
from wavegen.data.corpus import open_corpus, prepare
from wavegen.data.windows import Windows
from wavegen.errors import UserError
from wavegen.evaluation import bits_per_file
from wavegen.recipe import CorpusSettings, load_recipe, parse_recipe
from wavegen.training import train
from wavegen.training.learner import BitsOf, Learner, NotFiniteError
from wavegen.training.trainer import Trainer

NETWORKS = {
    "wavenet": {"residual_channels": 8, "gate_channels": 16, "skip_channels": 8, "dilations": [1, 2, 4]},
    "gru": {"hidden_size": 12},
    "lstm": {"hidden_size": 12},
    "nade": {"frame_size": 8, "hidden_size": 12, "context_frames": 1},
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Thirty recordings of a decaying tone in noise: enough for all three splits."""
    folder = tmp_path_factory.mktemp("speech")
    random = np.random.default_rng(0)
    for number in range(30):
        time = np.arange(random.integers(1500, 4000))
        tone = 3000 * np.sin(time * random.uniform(0.05, 0.3)) * np.exp(-time / 2000)
        pcm = np.rint(tone + random.normal(0, 30, len(time))).astype(np.int16)
        audio.write(folder / f"{number:02}.wav", pcm, 8000)
    prepare(folder, folder.with_name("corpus"))
    return open_corpus(folder.with_name("corpus"))


def recipe(network="wavenet", **training):
    settings = {"steps": 30, "batch_size": 4, "window": 200, "warm_up": 50, "threads": 1, "validate_every": 10}
    tables = {"network": {"name": network, **NETWORKS[network]}, "training": settings | training}
    return parse_recipe(tables, "test")


@pytest.mark.parametrize("network", NETWORKS)
def test_training_lowers_the_held_out_bits(network, corpus, tmp_path):
    torch.manual_seed(0)
    recordings = [corpus.pcm(recording) for recording in corpus.split("test")]
    samples = sum(map(len, recordings))
    path = train(recipe(network, steps=80, learning_rate=0.02), corpus, tmp_path / "run", progress=False)
    trained = bits_per_file(checkpoint.load(path), recordings).sum() / samples
    untrained = tiny.mu_law_model(name=network, **NETWORKS[network])
    assert trained < bits_per_file(untrained, recordings).sum() / samples - 0.5


def test_the_run_folder_tells_what_happened(corpus, tmp_path):
    run = tmp_path / "run"
    given = recipe().model_copy(update={"corpus": CorpusSettings(path="../corpus")})
    model = checkpoint.load(train(given, corpus, run, progress=False))
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    validated = [line for line in lines if "validation_bits" in line]
    assert [line["step"] for line in validated] == [10, 20, 30]
    assert model.metadata["validation_bits"] == min(line["validation_bits"] for line in validated)
    assert model.metadata["corpus_fingerprint"] == corpus.fingerprint
    assert model.metadata["samples_seen"] <= 30 * 4 * (200 + model.network.receptive_field)
    assert list(run.glob("events.out.tfevents.*"))
    resolved = load_recipe(run / "recipe.toml")
    assert resolved.training.steps == 30
    assert resolved.corpus.path is None, "it would be relative to another folder"


class Interrupted(Trainer):
    """A trainer whose user loses patience: at `place`, once `at` steps are behind."""

    place, at, number = "", 0, signal.SIGINT

    def _cut(self, place):
        if (place, self.learner.step) == (self.place, self.at):
            signal.raise_signal(self.number)

    def _train_step(self, log, started):
        self._cut("before a step")
        adam = self.learner.optimizers[0].step

        def then_cut():
            adam()
            self._cut("in a step")

        with mock.patch.object(self.learner.optimizers[0], "step", then_cut):
            return super()._train_step(log, started)

    def _validate(self, give_up, log, started):
        self._cut("in a validation")
        return super()._validate(give_up, log, started)


class Killed(Trainer):
    """A trainer that is killed once 27 steps are behind."""

    def _train_step(self, log, started):
        if self.learner.step == 27:
            raise SystemExit
        return super()._train_step(log, started)


@pytest.fixture
def ctrl_c():
    """Python's own handler, which a shell may have replaced for what runs in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    ("network", "place", "at"),
    [
        ("wavenet", "before a step", 17),
        ("gru", "in a step", 17),
        ("wavenet", "in a validation", 20),
        ("wavenet", "in a validation", 30),
    ],
)
def test_an_interrupted_and_resumed_run_ends_with_the_same_bits(network, place, at, corpus, tmp_path, ctrl_c):
    run = tmp_path / "cut"
    run.mkdir()
    trainer = Interrupted(recipe(network), corpus, run)
    trainer.place, trainer.at = place, at
    trainer.open()
    with pytest.raises(KeyboardInterrupt):
        trainer.run_all(progress=False)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert trainer.learner.step == (at if place == "in a validation" else at + 1), "it stops at once"
    assert checkpoint.read_tensors(run / "resume.safetensors")[1]["step"] == trainer.learner.step, "and no step is lost"
    ends_as_if_never_stopped(recipe(network), corpus, run, tmp_path / "whole")


@pytest.mark.parametrize("validate_every", [10, 30])
def test_a_killed_run_goes_on_from_what_was_saved_or_from_the_start(validate_every, corpus, tmp_path):
    asked = recipe(validate_every=validate_every)
    run = tmp_path / "cut"
    run.mkdir()
    killed = Killed(asked, corpus, run)
    killed.open()
    with pytest.raises(SystemExit):
        killed.run_all(progress=False)
    with open(run / "metrics.jsonl", "a") as metrics:
        metrics.write('{"step": 2')  # the power failed
    ends_as_if_never_stopped(asked, corpus, run, tmp_path / "whole")


def ends_as_if_never_stopped(asked, corpus, run, other):
    whole = train(asked, corpus, other, progress=False)
    resumed = train(asked, corpus, run, resume=True, progress=False)
    for name in ("model.safetensors", "resume.safetensors"):
        a, header_a = checkpoint.read_tensors(whole.with_name(name))
        b, header_b = checkpoint.read_tensors(resumed.with_name(name))
        assert a.keys() == b.keys()
        assert all(torch.equal(a[key], b[key]) for key in a)
    assert header_a["step"] == header_b["step"] == 30
    metrics = [
        [
            {k: v for k, v in json.loads(line).items() if k not in ("seconds", "samples_per_second")}
            for line in path.read_text().splitlines()
        ]
        for path in (whole.with_name("metrics.jsonl"), run / "metrics.jsonl")
    ]
    assert metrics[0] == metrics[1]


def test_resume_starts_where_there_is_nothing_and_does_nothing_when_done(corpus, tmp_path):
    path = train(recipe(), corpus, tmp_path / "run", resume=True, progress=False)
    before = path.read_bytes()
    train(recipe(), corpus, tmp_path / "run", resume=True, progress=False)
    assert path.read_bytes() == before


def test_a_run_is_not_overwritten_nor_resumed_with_another_recipe(corpus, tmp_path):
    run = tmp_path / "run"
    train(recipe(steps=2), corpus, run, progress=False)
    with pytest.raises(UserError, match="give --resume"):
        train(recipe(steps=2), corpus, run, progress=False)
    with pytest.raises(UserError, match=r"was started with training.learning_rate = 0\.004, not 0\.1"):
        train(recipe(steps=2, learning_rate=0.1), corpus, run, resume=True, progress=False)
    with pytest.raises(
        UserError, match=r"was started with training.steps = 2, not 1, and is at 2; only a run that has"
    ):
        train(recipe(steps=1), corpus, run, resume=True, progress=False)
    with pytest.raises(UserError, match=r"was started with network.name = wavenet, not gru"):
        train(recipe("gru", steps=2), corpus, run, resume=True, progress=False)


@pytest.mark.parametrize("network", NETWORKS)
def test_what_a_recipe_leaves_to_the_defaults_can_be_resumed(network, corpus, tmp_path):
    tables = {"network": {"name": network}, "training": {"steps": 1, "batch_size": 1, "window": 16, "warm_up": 1}}
    for resume in (False, True):
        train(parse_recipe(tables, "test"), corpus, tmp_path / "run", resume=resume, progress=False)


def test_without_validation_files_the_last_weights_are_kept(corpus, tmp_path):
    kept = tuple(recording for recording in corpus.recordings if recording.split != "validation")
    path = train(recipe(), dataclasses.replace(corpus, recordings=kept), tmp_path / "run", progress=False)
    assert checkpoint.load(path).metadata["steps"] == 30


def test_a_resume_file_of_something_else_gets_one_line(corpus, tmp_path):
    run = tmp_path / "run"
    model = train(recipe(steps=2), corpus, run, progress=False)
    (run / "resume.safetensors").write_bytes(model.read_bytes())
    with pytest.raises(UserError, match=r"resume.safetensors: damaged, or of another run"):
        train(recipe(steps=2), corpus, run, resume=True, progress=False)


def test_metrics_on_a_full_disk_get_one_line(corpus, tmp_path, monkeypatch):
    run = tmp_path / "run"
    monkeypatch.setattr("wavegen.training.folder._keep_metrics", lambda path, step: os.symlink("/dev/full", path))
    with pytest.raises(UserError, match=r"metrics.jsonl: cannot be written: No space left on device"):
        train(recipe(), corpus, run, progress=False)


def test_a_receptive_field_that_no_memory_holds_gets_one_line(corpus, tmp_path):
    tables = {"network": {"name": "wavenet", "dilations": [65536] * 256}, "training": {"steps": 1}}
    with pytest.raises(UserError, match=r"16777216 of context for each window; .* lower network.dilations"):
        train(parse_recipe(tables, "test"), corpus, tmp_path / "run", progress=False)


def test_two_processes_do_not_train_in_one_folder(corpus, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    with open(run / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="another process is training here"):
            train(recipe(), corpus, run, progress=False)


def test_divergence_is_said_before_the_step_that_would_spoil_the_weights(corpus, tmp_path, monkeypatch):
    """The batch of step 23 is poisoned: the run stops there, names its recordings and keeps what it had saved."""
    run, asked, whole = tmp_path / "run", recipe(), Learner.backward

    def poisoned(learner, places):
        return whole(learner, places) * (math.nan if learner.step == 23 else 1)

    monkeypatch.setattr(Learner, "backward", poisoned)
    with pytest.raises(UserError, match=r"diverged at step 23.*lower training\.learning_rate") as error:
        train(asked, corpus, run, progress=False)
    trainer = Trainer(asked, corpus, run)
    named = {recording.id for recording in corpus.recordings if recording.id in str(error.value)}
    assert named == {trainer.names[place.recording] for place in trainer.learner.windows.places(23)}
    monkeypatch.setattr(Learner, "backward", whole)
    ends_as_if_never_stopped(asked, corpus, run, tmp_path / "whole")


@pytest.mark.parametrize("spoilt", [math.nan, math.inf])
def test_a_step_with_a_gradient_that_is_not_finite_changes_no_weight(spoilt, corpus, tmp_path):
    learner = Trainer(recipe(), corpus, tmp_path).learner
    learner.connect()
    learner.take_step(30)
    before = {name: tensor.clone() for name, tensor in learner.state().items()}
    next(learner.model.parameters()).register_hook(lambda gradient: gradient * spoilt)
    with pytest.raises(NotFiniteError):
        learner.take_step(30)
    assert learner.step == 1
    assert all(torch.equal(tensor, before[name]) for name, tensor in learner.state().items())


def test_a_corpus_of_another_rate_is_refused(corpus, tmp_path):
    tables = {"network": {"name": "gru"}, "training": {"steps": 1}, "corpus": {"sample_rate": 16000}}
    with pytest.raises(UserError, match="8000 Hz, but the recipe says 16000 Hz"):
        train(parse_recipe(tables, "test"), corpus, tmp_path / "run", progress=False)


def test_what_is_minimised_is_what_is_reported(corpus):
    """One window that is a whole file: the training loss is the file's bits per sample."""
    trainer_recipe = recipe(window=5000, batch_size=1)
    model = tiny.mu_law_model(**trainer_recipe.model["network"])
    pcm = corpus.pcm(corpus.recordings[0])
    batch = Windows([pcm], window=5000, context=7, batch_size=1, seed=0).batch(0)
    assert batch.scored.sum() == len(pcm)
    reported = bits_per_file(model, [pcm])[0] / len(pcm)
    assert abs(BitsOf(model)(*batch).item() / len(pcm) - reported) <= 1e-5 * reported


def test_minutes_become_steps_and_threads_are_chosen_by_timing(monkeypatch):
    seconds = {1: 0.5, 2: 0.3, 4: 0.29}
    monkeypatch.setattr(calibration, "step_seconds", lambda step, threads, in_any: seconds[threads])
    monkeypatch.setattr("os.sched_getaffinity", lambda process: range(4))
    given = recipe(steps=None, minutes=2, threads=None, validate_every=None)
    training = calibration.calibrate(given, lambda: None, 3.0).training
    assert training.threads == 2
    assert training.minutes is None
    assert training.steps == int(2 * 60 * 0.95 / 0.3)
    # A validation costs a step here and may cost 5 %, but there are at most forty.
    assert training.steps is not None
    assert training.validate_every == max(20, round(training.steps / 40))


def test_a_step_is_timed_whole_and_leaves_no_trace(corpus, tmp_path, monkeypatch):
    """Timed steps include the optimiser's part; the run that follows is the one whose recipe named its steps."""
    timed = []
    monkeypatch.setattr(calibration, "step_seconds", lambda step, threads, in_any: timed.append(step()) or 0.01)
    a = train(recipe(validate_every=None), corpus, tmp_path / "a", progress=False)
    assert timed
    b = train(recipe(), corpus, tmp_path / "b", progress=False)
    assert checkpoint.load(a).metadata["weights_hash"] == checkpoint.load(b).metadata["weights_hash"]


def test_the_averaged_weights_are_what_is_validated_and_kept(corpus, tmp_path):
    path = train(recipe(validate_every=30), corpus, tmp_path / "run", progress=False)
    kept, _ = checkpoint.read_tensors(path)
    run, _ = checkpoint.read_tensors(path.with_name("resume.safetensors"))
    assert all(torch.equal(tensor, run[f"average.{name}"]) for name, tensor in kept.items())
    assert any(not torch.equal(tensor, run[f"model.{name}"]) for name, tensor in kept.items())
    recordings = [corpus.pcm(recording) for recording in corpus.split("validation")]
    model = checkpoint.load(path)
    bits = bits_per_file(model, recordings).sum() / sum(map(len, recordings))
    assert abs(model.metadata["validation_bits"] - bits) <= 1e-6 * bits


def test_a_resumed_run_keeps_its_best_model_until_there_is_a_better(corpus, tmp_path, ctrl_c):
    run = tmp_path / "run"
    run.mkdir()
    trainer = Interrupted(recipe(), corpus, run)
    trainer.place, trainer.at = "before a step", 17
    trainer.open()
    with pytest.raises(KeyboardInterrupt):
        trainer.run_all(progress=False)
    best = (run / "model.safetensors").read_bytes()
    tensors, header = checkpoint.read_tensors(run / "resume.safetensors")
    checkpoint.write_tensors(run / "resume.safetensors", tensors, header | {"best": 0.5})
    train(recipe(), corpus, run, resume=True, progress=False)
    assert (run / "model.safetensors").read_bytes() == best

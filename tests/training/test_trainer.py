import dataclasses
import json
import math
import os

import pytest
import small_models
import small_trainings
import torch
from small_trainings import NETWORKS, ends_as_if_never_stopped, recipe

from wavegen.data.index import Recordings
from wavegen.data.splits import SPLITS
from wavegen.errors import UserError
from wavegen.evaluation.teacher_forcing import bits_per_file
from wavegen.models import checkpoint
from wavegen.training import calibration, train
from wavegen.training.learner import BitsOf, Learner, NotFiniteError
from wavegen.training.recipe import CorpusSettings, load_recipe, parse_recipe
from wavegen.training.trainer import Trainer
from wavegen.training.windows import Windows


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return small_trainings.make_corpus(tmp_path_factory.mktemp("training"))


@pytest.mark.parametrize("network", NETWORKS)
def test_training_lowers_the_held_out_bits(network, corpus, tmp_path):
    torch.manual_seed(0)
    recordings = [corpus.pcm(recording) for recording in corpus.split("test")]
    samples = sum(map(len, recordings))
    path = train(recipe(network, steps=80, learning_rate=0.02), corpus, tmp_path / "run", progress=False)
    trained = bits_per_file(checkpoint.load(path), recordings).sum() / samples
    untrained = small_models.mu_law_model(name=network, **NETWORKS[network])
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
    seen = model.metadata["samples_seen"]
    receptive_field = model.network.receptive_field
    assert seen is not None
    assert receptive_field is not None
    assert seen <= 30 * 4 * (200 + receptive_field)
    assert list(run.glob("events.out.tfevents.*"))
    resolved = load_recipe(run / "recipe.toml")
    assert resolved.training.steps == 30
    assert resolved.corpus.path is None, "it would be relative to another folder"


def test_without_validation_files_the_last_weights_are_kept(corpus, tmp_path):
    rows = corpus.recordings.rows
    kept = Recordings(corpus.recordings.file, rows[rows["split"] != SPLITS.index("validation")])
    path = train(recipe(), dataclasses.replace(corpus, recordings=kept), tmp_path / "run", progress=False)
    assert checkpoint.load(path).metadata["steps"] == 30


def test_metrics_on_a_full_disk_get_one_line(corpus, tmp_path, monkeypatch):
    run = tmp_path / "run"
    monkeypatch.setattr("wavegen.training.folder._keep_metrics", lambda path, *steps: os.symlink("/dev/full", path))
    with pytest.raises(UserError, match=r"metrics.jsonl: cannot be written: No space left on device"):
        train(recipe(), corpus, run, progress=False)


def test_a_receptive_field_that_no_memory_holds_gets_one_line(corpus, tmp_path):
    tables = {"network": {"name": "wavenet", "dilations": [65536] * 256}, "training": {"steps": 1}}
    with pytest.raises(UserError, match=r"16777216 of context for each window; .* lower network.dilations"):
        train(parse_recipe(tables, "test"), corpus, tmp_path / "run", progress=False)


def test_divergence_is_said_before_the_step_that_would_spoil_the_weights(corpus, tmp_path, monkeypatch):
    """The batch of step 23 is poisoned: the run stops there, names its recordings and keeps what it had saved."""
    run = tmp_path / "run"
    asked = recipe()
    whole = Learner.backward

    def poisoned(learner, windows):
        return whole(learner, windows) * (math.nan if learner.step == 23 else 1)

    monkeypatch.setattr(Learner, "backward", poisoned)
    with pytest.raises(UserError, match=r"diverged at step 23.*lower training\.learning_rate") as error:
        train(asked, corpus, run, progress=False)
    trainer = Trainer(asked, corpus, run)
    named = {recording.id for recording in corpus.recordings if recording.id in str(error.value)}
    assert named == {trainer.trained_on[window.recording].id for window in trainer.learner.windows.of_step(23)}
    monkeypatch.setattr(Learner, "backward", whole)
    ends_as_if_never_stopped(asked, corpus, run, tmp_path / "whole")


@pytest.mark.parametrize("not_finite", [math.nan, math.inf])
def test_a_step_with_a_gradient_that_is_not_finite_changes_no_weight(not_finite, corpus, tmp_path):
    learner = Trainer(recipe(), corpus, tmp_path).learner
    learner.connect()
    learner.take_step(30)
    before = {name: tensor.clone() for name, tensor in learner.state().items()}
    next(learner.model.parameters()).register_hook(lambda gradient: gradient * not_finite)
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
    model = small_models.mu_law_model(8000, **trainer_recipe.model["network"])
    pcm = corpus.pcm(corpus.recordings[0])
    batch = Windows([pcm], window=5000, context=7, batch_size=1, seed=0).batch(0)
    assert batch.scored.sum() == len(pcm)
    reported = bits_per_file(model, [pcm])[0] / len(pcm)
    assert abs(BitsOf(model)(*batch).item() / len(pcm) - reported) <= 1e-5 * reported


def test_minutes_become_steps_and_threads_are_chosen_by_timing(monkeypatch):
    seconds = {1: 0.5, 2: 0.3, 4: 0.29}
    monkeypatch.setattr(calibration, "step_seconds", lambda step, threads, in_any: seconds[threads] / (1 + step()))
    monkeypatch.setattr("os.sched_getaffinity", lambda process: range(4))
    given = recipe(steps=None, minutes=2, threads=None, validate_every=None, bfloat16=None)
    training = calibration.calibrate(given, lambda bfloat16: 0.1 * bfloat16, 3.0, [False, True]).training
    assert training.bfloat16 is False, "it is less than a tenth faster here"
    assert training.threads == 2
    assert training.minutes is None
    assert training.steps == int(2 * 60 * 0.95 / 0.3)
    # A validation costs a step here and may cost 5 %, but there are at most forty.
    assert training.steps is not None
    assert training.validate_every == max(20, round(training.steps / 40))
    training = calibration.calibrate(given, lambda bfloat16: -0.2 * bfloat16, 3.0, [False, True]).training
    assert training.bfloat16 is False, "slower"
    training = calibration.calibrate(given, lambda bfloat16: 0.2 * bfloat16, 3.0, [False, True]).training
    assert training.bfloat16 is True
    assert training.threads == 2
    asked = recipe(steps=None, minutes=2, threads=None, validate_every=None, bfloat16=False)
    assert calibration.calibrate(asked, lambda bfloat16: 0.2 * bfloat16, 3.0, [False, True]).training.bfloat16 is False


def test_what_decides_about_bfloat16_is_written_down_and_used(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr("wavegen.system.machine.multiplies_bfloat16", lambda: True)
    tried = []
    monkeypatch.setattr(
        calibration, "step_seconds", lambda step, threads, in_any: tried.append(step()) or 1.0 / len(tried)
    )
    asked = recipe(bfloat16=None, steps=2, validate_every=2)
    trainer = Trainer(asked, corpus, tmp_path / "run")
    (tmp_path / "run").mkdir()
    trainer.open()
    assert len(tried) == 2
    assert trainer.recipe.training.bfloat16 is True
    assert trainer.learner.model.network.bfloat16_layers
    assert not trainer.learner.average.network.bfloat16_layers
    resumed = Trainer(asked, corpus, tmp_path / "run")
    resumed.open()
    assert len(tried) == 2
    assert resumed.learner.model.network.bfloat16_layers
    with pytest.raises(UserError, match=r"was started with training.bfloat16 = True, not False"):
        Trainer(recipe(bfloat16=False, steps=2, validate_every=2), corpus, tmp_path / "run").open()


@pytest.mark.parametrize(("network", "supported"), [("gru", True), ("wavenet", False)])
def test_bfloat16_is_not_tried_where_it_cannot_help(network, supported, corpus, tmp_path, monkeypatch):
    monkeypatch.setattr("wavegen.system.machine.multiplies_bfloat16", lambda: supported)
    trainer = Trainer(recipe(network, bfloat16=None), corpus, tmp_path)
    trainer.open()
    assert trainer.recipe.training.bfloat16 is False
    assert not trainer.learner.model.network.bfloat16_layers


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

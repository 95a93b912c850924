"""Runs with conditions: told helps and told wrong harms, and a run that stops ends with the same bits."""

from typing import Any

import numpy as np
import pytest
import small_trainings
import torch
from conditional_trainings import BOTH, FRAMES, SPEAKERS, levels, speakers
from small_trainings import Levels, ends_as_if_never_stopped, metrics, recipe

from wavegen.errors import UserError
from wavegen.evaluation.feeding import Take
from wavegen.evaluation.teacher_forcing import bits_of_takes
from wavegen.models import checkpoint
from wavegen.models.forms import AudioForm
from wavegen.models.given import Given
from wavegen.training import plan, train
from wavegen.training.batches import validation_takes
from wavegen.training.conditions import CorpusConditions
from wavegen.training.previews import SoundPreview
from wavegen.training.recipe import load_recipe
from wavegen.training.trainer import Trainer


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return small_trainings.make_voices(tmp_path_factory.mktemp("voices"))


@pytest.fixture
def quick_frames(monkeypatch):
    """Frames that take no time to compute."""
    monkeypatch.setattr("wavegen.training.conditions.open_frames", Levels.opened)


def takes(corpus, split, change=lambda given: given):
    table = {"name": "encoder", **FRAMES, "speakers": sorted(small_trainings.VOICES)}
    known: Any = CorpusConditions({"conditioning": table}, corpus).of(split)
    known.open(levels(corpus, known, split))
    entries = enumerate(corpus.split(split))
    return [
        Take(entry.id, entry.samples, lambda e=entry: corpus.pcm(e), lambda i=index: change(known.given(i)))
        for index, entry in entries
    ]


def per_sample(model, found):
    return bits_of_takes(model, found).sum() / sum(take.samples for take in found)


@pytest.mark.parametrize("network", ["wavenet", "gru", "nade"])
def test_knowing_who_speaks_helps_and_being_told_wrong_harms(network, corpus, tmp_path):
    asked = recipe(network, SPEAKERS, steps=150, learning_rate=0.02, batch_size=8, window=60, warm_up=5)
    model = checkpoint.load(train(asked, corpus, tmp_path / "run"))
    assert speakers(load_recipe(tmp_path / "run/recipe.toml")) == ["anna", "ben", "cid"]
    told, unknown, wrong = (
        per_sample(model, takes(corpus, "test", change))
        for change in (
            lambda given: Given(given.speaker),
            lambda given: Given(),
            lambda given: Given({"anna": "ben", "ben": "cid", "cid": "anna"}[given.speaker]),
        )
    )
    assert told < unknown + 0.01
    assert told + 0.25 < wrong


@pytest.mark.parametrize("network", ["wavenet", "lstm", "nade"])
def test_frames_help_and_are_normalised_by_the_training_split(network, corpus, tmp_path, quick_frames):
    asked = recipe(network, FRAMES, steps=150, learning_rate=0.02, batch_size=8, window=100, warm_up=5)
    model: Any = checkpoint.load(train(asked, corpus, tmp_path / "run"))
    training, held_out = (np.concatenate(Levels(corpus, 64, 2).split(name)).mean(axis=0) for name in ("train", "test"))
    np.testing.assert_allclose(model.conditioning.mean, training, rtol=1e-5)
    assert abs(training - held_out).min() > 1e-3, "or nothing is shown"
    told, absent = (
        per_sample(model, takes(corpus, "test", change))
        for change in (lambda g: Given(None, g.frames), lambda g: Given())
    )
    assert told + 0.1 < absent


def test_validation_is_with_conditions(corpus, tmp_path, quick_frames):
    model = checkpoint.load(train(recipe("gru", BOTH, learning_rate=0.02), corpus, tmp_path / "run"))
    known = CorpusConditions(model.settings, corpus).of("validation")
    assert known is not None
    known.open(levels(corpus, known, "validation"))
    found = list(validation_takes(corpus, known))
    best = min(line["validation_bits"] for line in metrics(tmp_path / "run") if "validation_bits" in line)
    assert per_sample(model, found) == pytest.approx(best, rel=1e-6)
    assert abs(per_sample(model, [take._replace(given=Given) for take in found]) - best) > 1e-4


class Killed(Trainer):
    """A trainer that is killed once 17 steps are behind."""

    def _train_step(self, log, started):
        if self.learner.step == 17:
            raise SystemExit
        return super()._train_step(log, started)


@pytest.mark.parametrize(("network", "kind"), [("wavenet", BOTH), ("gru", SPEAKERS), ("nade", FRAMES)])
def test_a_run_that_was_killed_ends_with_the_same_bits(network, kind, corpus, tmp_path):
    asked = recipe(network, kind)
    trainer = Killed(asked, corpus, tmp_path / "cut")
    (tmp_path / "cut").mkdir()
    trainer.open()
    with pytest.raises(SystemExit):
        trainer.run_all()
    ends_as_if_never_stopped(asked, corpus, tmp_path / "cut", tmp_path / "whole")


def test_a_run_whose_speakers_are_others_is_not_resumed(corpus, tmp_path):
    train(recipe("gru", SPEAKERS), corpus, tmp_path / "run")
    with pytest.raises(UserError, match=r"was started with conditioning.speakers = .*'ben'.*, not \['anna'\]"):
        train(recipe("gru", {"speakers": ["anna"]}), corpus, tmp_path / "run", resume=True)
    more = recipe("gru", {"speakers": ["anna", "ben", "cid"]}, steps=40)
    assert train(more, corpus, tmp_path / "run", resume=True).is_file()


def test_a_run_starts_from_the_weights_and_the_normalisation_of_another(corpus, tmp_path, quick_frames):
    first = train(recipe("gru", FRAMES), corpus, tmp_path / "run")
    trainer = Trainer(recipe("gru", FRAMES), corpus, tmp_path / "next", init=first)
    (tmp_path / "next").mkdir()
    trainer.open()
    a = checkpoint.load(first).state_dict()
    b = trainer.learner.model.state_dict()
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_frames_that_no_recording_of_the_rate_has_get_one_line(corpus, tmp_path):
    said = r"voices-corpus: frames as \[conditioning\] asks for them: fmax=7600 is above half of 8000 Hz"
    with pytest.raises(UserError, match=said):
        train(recipe("gru", {"mel": "librosa"}), corpus, tmp_path / "run")


def test_a_dry_run_computes_no_frames(corpus, tmp_path, monkeypatch):
    def refused(*_):
        raise UserError("the disk is full")

    monkeypatch.setattr("wavegen.training.conditions.open_frames", refused)
    found = plan(recipe("gru", BOTH), corpus)
    assert found["recipe"]["conditioning"]["speakers"] == ["anna", "ben", "cid"]
    with pytest.raises(UserError, match="the disk is full"):
        train(recipe("gru", BOTH), corpus, tmp_path / "run")


def test_a_preview_draws_and_scores_with_the_condition_of_its_recording(corpus, tmp_path, quick_frames):
    pytest.importorskip("wavegen_native", reason="the C++ engine is not installed")
    run = tmp_path / "run"
    run.mkdir()
    trainer = Trainer(recipe("gru", BOTH), corpus, run)
    trainer.open()
    trainer.learner.take_step(30)
    board: Any = None
    take = trainer.validation[0]
    model: Any = trainer.learner.average
    given = take.given()
    assert given.speaker is not None
    assert given.frames is not None
    drawn = []

    class Kept(SoundPreview):
        def _add(self, name, pcm, log2_prob, board, step):
            drawn.append((pcm, log2_prob))

    for one in (given, Given()):
        Kept([take._replace(given=lambda one=one: one)], AudioForm(8000)).add(model, board, 1, bool)
    state = model.initial_state(1, conditions=[given])
    expected, _ = model.log2_prob(torch.from_numpy(drawn[1][0].astype(np.int64))[None], state)
    np.testing.assert_allclose(drawn[1][1], expected[0].detach(), atol=1e-3)
    assert not np.array_equal(drawn[0][0], drawn[2][0]), "another condition, another draw"

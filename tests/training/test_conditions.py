"""Training with conditions: whose they are, which windows go without, and that nothing else changes."""

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
import small_models
import small_trainings
import torch
from small_trainings import Levels, ends_as_if_never_stopped, metrics, recipe

from wavegen.data.index import Recordings
from wavegen.errors import UserError
from wavegen.evaluation.feeding import Take
from wavegen.evaluation.teacher_forcing import bits_of_takes
from wavegen.models import checkpoint
from wavegen.models.configs.conditioning import ConditioningConfig
from wavegen.models.forms import AudioForm
from wavegen.models.given import Given
from wavegen.training import plan, train
from wavegen.training.batches import validation_takes
from wavegen.training.conditions import DROPPED, CorpusConditions, Known, with_speakers
from wavegen.training.previews import SoundPreview
from wavegen.training.recipe import load_recipe
from wavegen.training.trainer import Trainer
from wavegen.training.windows import Windows

SPEAKERS = {"speakers": ["*"]}
FRAMES = {"mel": "librosa", "bands": 2, "hop": 64, "fmax": 4000, "look_ahead": 1}
BOTH = {**SPEAKERS, **FRAMES}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return small_trainings.make_voices(tmp_path_factory.mktemp("voices"))


@pytest.fixture
def quick_frames(monkeypatch):
    """Frames that take no time to compute."""
    monkeypatch.setattr("wavegen.training.conditions.open_frames", Levels.opened)


def levels(corpus, known, split):
    return Levels(corpus, known.config.hop, known.config.frame_channels).split(split)


def speakers(recipe):
    return recipe.model["conditioning"]["speakers"]


def test_all_speakers_are_those_of_the_training_split_sorted(corpus):
    assert speakers(with_speakers(recipe(conditioning=SPEAKERS), corpus)) == ["anna", "ben", "cid"]
    assert speakers(with_speakers(recipe(conditioning={"speakers": ["cid", "anna"]}), corpus)) == ["cid", "anna"]
    for untouched in (recipe(), recipe(conditioning=FRAMES)):
        assert with_speakers(untouched, corpus) == untouched
    rows = corpus.recordings.rows.copy()
    rows["split"][[one.speaker == "ben" for one in corpus.recordings]] = 2  # test
    without = dataclasses.replace(corpus, recordings=Recordings(corpus.recordings.file, rows))
    assert speakers(with_speakers(recipe(conditioning=SPEAKERS), without)) == ["anna", "cid"]
    with pytest.raises(UserError, match="has no speaker 'ben'; known: anna, cid"):
        with_speakers(recipe(conditioning={"speakers": ["ben"]}), without)


def test_speakers_whom_the_corpus_has_not_are_told_at_once(corpus, tmp_path):
    with pytest.raises(UserError) as error:
        with_speakers(recipe(conditioning={"speakers": ["ana", "ben", "zoe"]}), corpus)
    assert [line.removeprefix(f"{corpus.path}: ") for line in error.value.problems] == [
        "its training split has no speaker 'ana'; did you mean anna?",
        "its training split has no speaker 'zoe'; known: anna, ben, cid",
    ]
    nobody = small_trainings.make_corpus(tmp_path)
    with pytest.raises(UserError, match=r"names no speakers in its training split; leave conditioning\.speakers out"):
        train(recipe(conditioning=SPEAKERS), nobody, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_speaker_with_too_little_said_is_named(corpus):
    rows = corpus.recordings.rows.copy()
    ben = np.flatnonzero([one.speaker == "ben" for one in corpus.recordings])
    rows["split"][ben[1:]] = 2
    rows["split"][ben[0]] = 0
    little = dataclasses.replace(corpus, recordings=Recordings(corpus.recordings.file, rows))
    with pytest.raises(UserError, match=r"has 0.\d s of 'ben', too little to learn a voice from; name the other speak"):
        with_speakers(recipe(conditioning=SPEAKERS), little)
    assert speakers(with_speakers(recipe(conditioning={"speakers": ["anna"]}), little)) == ["anna"]


def windows_of(corpus, config, model, **how):
    known = CorpusConditions({"conditioning": {"name": "encoder", **config}}, corpus).of("train")
    assert known is not None
    known.open(levels(corpus, known, "train"))
    how = {"window": 40, "context": model.context(9), "alignment": model.alignment, "batch_size": 6, "seed": 4} | how
    return Windows(corpus.pcms("train"), known=known, **how), known


@pytest.mark.parametrize("name", [name for name in small_models.NAMES if name not in ("gru", "lstm")])
@pytest.mark.parametrize("kind", [BOTH, FRAMES, SPEAKERS])
def test_scored_samples_have_the_log_probability_of_the_whole_file(name, kind, corpus, monkeypatch):
    """Each window has its recording's speaker and the frames that its samples have in the whole file."""
    monkeypatch.setattr("wavegen.training.conditions.DROPPED", 0)
    config = {**kind, "hop": 7, "speakers": ["anna", "cid"] if "speakers" in kind else [], "channels": 5}
    model: Any = small_models.model(name, encoder=small_models.conditioning(**config))
    windows, known = windows_of(corpus, config, model)
    recordings = corpus.split("train")
    for step in range(6):
        drawn = windows.of_step(step)
        batch = windows.read(drawn)
        found, _ = model.log2_prob(batch.pcm, model.window_state(batch.before, windows.conditions(drawn)))
        for row, window in enumerate(drawn):
            entry = recordings[window.recording]
            given = known.given(window.recording)
            assert given.speaker == (entry.speaker if entry.speaker in config["speakers"] else None)
            state = model.initial_state(1, conditions=[given])
            whole, _ = model.log2_prob(torch.from_numpy(corpus.pcm(entry).astype(np.int64))[None], state)
            here = batch.scored[row]
            length = min(windows.length, entry.samples - window.start)
            expected = whole[0, window.start : window.start + length]
            assert torch.allclose(found[row][here], expected[here[:length]], atol=1e-10)


def test_windows_go_on_after_the_last_frame():
    """A recording may have fewer frames than samples ask for: the last goes on."""
    config = ConditioningConfig(mel="librosa", bands=1, hop=10, look_ahead=1)
    known = Known.__new__(Known)
    known.config, known.speakers = config, np.zeros(1, np.int64)
    known.open([np.arange(1.0, 5.0, dtype=np.float32)[:, None]])  # of the first 40 samples
    model: Any = small_models.model("markov", encoder=small_models.conditioning(**dataclasses.asdict(config)))
    pcm = torch.randint(-32768, 32768, (1, 95))
    whole, _ = model.log2_prob(pcm, model.initial_state(1, conditions=[known.given(0)]))
    windows = Windows(list(pcm.numpy()), window=30, context=4, batch_size=1, seed=0, known=known)
    for step in range(20):
        drawn = [window._replace(absent=False) for window in windows.of_step(step)]
        batch = windows.read(drawn)
        found, _ = model.log2_prob(batch.pcm, model.window_state(batch.before, windows.conditions(drawn)))
        expected = whole[0, drawn[0].start : drawn[0].start + windows.length]
        here = batch.scored[0]
        assert torch.allclose(found[0][here], expected[here[: len(expected)]], atol=1e-10)


def test_which_windows_go_without_is_a_function_of_seed_and_step(corpus):
    model = small_models.model("markov")
    windows, _ = windows_of(corpus, BOTH | {"speakers": ["ben"]}, model, batch_size=8)
    again, _ = windows_of(corpus, BOTH | {"speakers": ["ben"]}, model, batch_size=8)
    other, _ = windows_of(corpus, BOTH | {"speakers": ["ben"]}, model, batch_size=8, seed=5)
    plain = Windows(corpus.pcms("train"), window=40, context=model.context(9), batch_size=8, seed=4)
    drawn = list(itertools.chain.from_iterable(windows.of_step(step) for step in range(500)))
    assert drawn[80:88] == again.of_step(10)
    assert [w[3:] for w in drawn] != [w[3:] for step in range(500) for w in other.of_step(step)]
    places = [window._replace(unknown=False, absent=False) for window in drawn]
    assert places == [window for step in range(500) for window in plain.of_step(step)], "where they lie is as without"
    unknown, absent = np.array([window[3:] for window in drawn]).T
    for rate, expected in ((unknown, DROPPED), (absent, DROPPED), (unknown & absent, DROPPED**2)):
        deviation = (expected * (1 - expected) / len(drawn)) ** 0.5
        assert abs(rate.mean() - expected) < 4 * deviation


def test_a_window_that_goes_without_shows_nothing(corpus):
    windows, known = windows_of(corpus, BOTH | {"speakers": ["anna", "ben", "cid"]}, small_models.model("markov"))
    window = windows.of_step(0)[0]._replace(unknown=False, absent=False)
    drawn = [window._replace(unknown=a, absent=b) for a in (False, True) for b in (False, True)]
    speaker, frames, given, last, position = known.read(drawn, 50)
    row = int(known.speakers[window.recording])
    assert row > 0
    assert speaker.tolist() == [row, row, 0, 0]
    assert given.tolist() == [True, False, True, False]
    assert not frames[1].any()
    assert not frames[3].any()
    assert torch.equal(frames[0], frames[2])
    assert frames[0].any()
    assert (last >= 0).all()
    assert position[0] == window.start % 64


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
    a, b = checkpoint.load(first).state_dict(), trainer.learner.model.state_dict()
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

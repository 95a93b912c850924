"""Conditions of training windows: whose they are, which windows go without, and what the model then sees."""

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
import small_models
import small_trainings
import torch
from conditional_trainings import BOTH, FRAMES, SPEAKERS, levels, speakers
from small_trainings import recipe

from wavegen.data.index import Recordings
from wavegen.errors import UserError
from wavegen.models.configs.conditioning import ConditioningConfig
from wavegen.training import train
from wavegen.training.conditions import DROPPED, CorpusConditions, Known, with_speakers
from wavegen.training.windows import Windows


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return small_trainings.make_voices(tmp_path_factory.mktemp("voices"))


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
    kept = [window._replace(unknown=False, absent=False) for window in drawn]
    assert kept == [window for step in range(500) for window in plain.of_step(step)], "where they lie is as without"
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

"""Training with a spectral predictor: each sample has its frame's filter wherever windows are cut, and runs go on."""

import math
from typing import Any

import numpy as np
import pytest
import sensitive_models
import small_trainings
import spectral_models
import torch
from small_trainings import ends_as_if_never_stopped, metrics
from small_trainings import spectral_recipe as recipe

from wavegen.audio.spectral.frames import frames
from wavegen.audio.spectral.settings import FrameSettings
from wavegen.models import checkpoint
from wavegen.models.audio import AudioModel
from wavegen.models.given import Given
from wavegen.training import train
from wavegen.training.conditions import Known
from wavegen.training.trainer import Trainer
from wavegen.training.windows import Windows


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return small_trainings.make_corpus(tmp_path_factory.mktemp("tones"))


def known_of(model, pcms):
    """What is known of recordings with frames at random."""
    known = Known.__new__(Known)
    known.config, known.speakers = model.config.conditioning, np.zeros(len(pcms), np.int64)
    told = [spectral_models.frames(1 + len(pcm) // spectral_models.HOP, seed) for seed, pcm in enumerate(pcms)]
    known.open([spectral_models.with_f0(mel) if model.config.conditioning.f0 else mel for mel in told])
    return known


@pytest.mark.parametrize(("look_ahead", "f0"), [(0, False), (2, False), (1, True)])
def test_scored_samples_have_the_log_probability_of_the_whole_file_wherever_windows_are_cut(look_ahead, f0):
    network = {"name": "markov", "order": 3, "hidden_sizes": [9]}
    model = spectral_models.model(network, look_ahead=look_ahead, f0=f0).double()
    pcms = [sensitive_models.pcm(1, samples, samples)[0] for samples in (300, 95, 20, 7)]
    known = known_of(model, pcms)
    windows = Windows(pcms, window=31, context=model.context(0), batch_size=8, seed=0, known=known)
    starts, cut = set(), 0
    for step in range(15):
        drawn = windows.of_step(step)
        batch = windows.read(drawn)
        found, _ = model.log2_prob(batch.pcm, model.window_state(batch.before, windows.conditions(drawn)))
        for row, window in enumerate(drawn):
            given = Given() if window.absent else known.given(window.recording)
            whole = torch.from_numpy(pcms[window.recording].astype(np.int64))[None]
            expected, _ = model.log2_prob(whole, model.initial_state(1, conditions=[given]))
            here = batch.scored[row]
            length = min(windows.length, whole.shape[1] - window.start)
            expected = expected[0, window.start : window.start + length]
            assert torch.allclose(found[row][here], expected[here[:length]], atol=1e-9, rtol=0)
            starts.add(window.start % spectral_models.HOP)
            cut += window.start > 0
    assert len(starts) == spectral_models.HOP
    assert cut > 50


def test_it_is_fitted_before_the_first_step_and_never_changes(corpus, tmp_path):
    found: Any = checkpoint.load(train(recipe(), corpus, tmp_path / "run"))
    again: Any = AudioModel.from_settings(found.settings, found.form)
    settings = FrameSettings.of(again.config.conditioning, 8000)
    again.fit(corpus.pcms("train"), [frames(pcm, settings) for pcm in corpus.pcms("train")])
    assert again.predictor.level != 1
    assert again.predictor.unit > 1
    for name, weight in found.predictor.state_dict().items():
        assert torch.equal(weight, again.predictor.state_dict()[name])
    assert not torch.equal(found.network.output.weight, again.network.output.weight)


def test_it_learns_sooner_than_one_filter_for_all_sounds(corpus, tmp_path):
    """Each recording is a tone of its own."""
    bits = []
    for predictor in ("spectral", "linear"):
        run = tmp_path / predictor
        train(recipe(predictor=predictor, learning_rate=0.02), corpus, run)
        bits.append(min(line["validation_bits"] for line in metrics(run) if "validation_bits" in line))
    assert bits[0] + 0.1 < bits[1]
    assert math.isfinite(bits[0])


class Killed(Trainer):
    """A trainer that is killed once 17 steps are behind."""

    def _train_step(self, log, started):
        if self.learner.step == 17:
            raise SystemExit
        return super()._train_step(log, started)


@pytest.mark.parametrize("network", ["gru", "wavenet"])
def test_a_run_that_was_killed_ends_with_the_same_bits(network, corpus, tmp_path):
    trainer = Killed(recipe(network), corpus, tmp_path / "cut")
    (tmp_path / "cut").mkdir()
    trainer.open()
    with pytest.raises(SystemExit):
        trainer.run_all()
    ends_as_if_never_stopped(recipe(network), corpus, tmp_path / "cut", tmp_path / "whole")


def test_a_run_starts_from_the_filters_of_another(corpus, tmp_path):
    first = train(recipe(), corpus, tmp_path / "run")
    trainer = Trainer(recipe(), corpus, tmp_path / "next", init=first)
    (tmp_path / "next").mkdir()
    trainer.open()
    a, b = checkpoint.load(first).state_dict(), trainer.learner.model.state_dict()
    assert all(torch.equal(a[name], b[name]) for name in a)

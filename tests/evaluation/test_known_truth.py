"""Maximum likelihood is minimising KL(truth ‖ model): the excess over a known density falls, and not below zero."""

import numpy as np
import pytest
import torch

from wavegen.data.preparing.sources import named
from wavegen.evaluation.intervals import bootstrap_interval
from wavegen.evaluation.teacher_forcing import bits_per_file
from wavegen.models.audio import AudioModel
from wavegen.models.forms import AudioForm
from wavegen.training.learner import BitsOf
from wavegen.training.muon import optimizers
from wavegen.training.windows import Windows

DISTRIBUTIONS = {"ar2": "mixture-of-gaussians", "white-laplace": "mixture-of-logistics"}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_the_excess_over_the_true_density_falls_towards_zero(name):
    source = named(name)
    recordings = [source.draw(8000, seed) for seed in range(20)]
    held_out = [source.draw(4000, seed) for seed in range(100, 108)]
    truth = -np.array([source.log2_prob(pcm).sum() for pcm in held_out])
    samples = np.array([len(pcm) for pcm in held_out])
    settings = {
        "codec": {"name": "linear"},
        "distribution": {"name": DISTRIBUTIONS[name], "num_mixtures": 2},
        "predictor": {"name": "linear", "taps": 2},
        "network": {"name": "markov", "order": 2, "hidden_sizes": (8,)},
    }
    torch.manual_seed(0)
    model = AudioModel.from_settings(settings, AudioForm(8000))
    windows = Windows(recordings, window=1024, context=4, batch_size=4, seed=0)
    steppers = optimizers(model, 0.02)
    excess = []
    for step in range(241):
        if step in (0, 20, 60, 240):
            excess.append((bits_per_file(model, held_out) - truth) / samples)
        model.zero_grad()
        batch = windows.batch(step)
        (BitsOf(model)(*batch) / batch.scored.sum()).backward()
        for optimizer in steppers:
            optimizer.step()
    means = [one.mean() for one in excess]
    assert means == sorted(means, reverse=True)
    assert means[0] > 0.5
    assert means[-1] < 0.1
    _, high = bootstrap_interval(excess[-1] * samples, samples)
    assert high is not None
    assert high > 0, "nothing explains a source better than its own density"

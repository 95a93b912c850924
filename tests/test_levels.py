"""Levels that must not drift: bits of what is bundled, and bits after a short training of each network.

A change that costs likelihood cannot pass as a refactoring. Trainings are in float64, from weights that NumPy draws
and without a predictor, whose rounded errors would turn an ulp into a different training: so the levels agree to
1e-9 between instruction sets. Whoever changes a level on purpose writes the new one here and says why.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import small_picture_models
import torch

from wavegen.assets import digits, speech
from wavegen.audio import files as audio_files
from wavegen.engine import open_engine
from wavegen.evaluation.baselines.adaptive import adaptive_bits
from wavegen.evaluation.teacher_forcing import bits_per_file
from wavegen.models.audio import AudioModel
from wavegen.models.checkpoint import load
from wavegen.models.density import Density
from wavegen.models.forms import AudioForm, PictureForm
from wavegen.models.pictures import PictureModel
from wavegen.training.batches import training_windows
from wavegen.training.learner import Learner
from wavegen.training.recipe import TrainingSettings

STEPS, RATE = 200, 8000
RECORDINGS = ("added", "conf-unmuted", "demo-nomatch", "dir-first", "letters/q")
ALLISON = {
    "added": 8.559960012,
    "conf-unmuted": 9.050298397,
    "demo-nomatch": 7.863035575,
    "dir-first": 7.964676301,
    "letters/q": 7.259789277,
}
ADAPTIVE = {
    "added": 8.507715886,
    "conf-unmuted": 8.915147231,
    "demo-nomatch": 7.663995089,
    "dir-first": 7.842435403,
    "letters/q": 7.095621391,
}
SOUND: dict[str, dict[str, Any]] = {
    "wavenet": {"residual_channels": 8, "gate_channels": 16, "skip_channels": 16, "dilations": [1, 2, 4, 8]},
    "gru": {"hidden_size": 8},
    "lstm": {"hidden_size": 8},
    "markov": {"order": 16, "hidden_sizes": [16]},
    "nade": {"frame_size": 8, "hidden_size": 16, "context_frames": 2},
}
TRAINED = {
    "wavenet": 13.083529198,
    "gru": 13.273223958,
    "lstm": 13.342295225,
    "markov": 12.540049549,
    "nade": 13.298110621,
}
TRAINED_PICTURES = {
    "nade": 2.667856024,
    "pixelcnn": 2.550092557,
    "gated-pixelcnn": 2.691274186,
    "row-lstm": 2.538233488,
    "diagonal-bilstm": 2.580542832,
}


def recording(name: str) -> np.ndarray:
    (path,) = speech.folder().glob(f"*/{name}.flac")
    return audio_files.read(path).pcm


@pytest.mark.parametrize("name", RECORDINGS)
def test_bundled_coders(name):
    pcm = recording(name)
    engine = open_engine(load("allison"), 1, engine="cpu")
    assert -engine.feed(pcm[None]).sum() / len(pcm) == pytest.approx(ALLISON[name], abs=1e-6)
    assert adaptive_bits(pcm, RATE) / len(pcm) == pytest.approx(ADAPTIVE[name], abs=1e-6)


def trained(model: Density, recordings: list[np.ndarray], held_out: list[np.ndarray]) -> float:
    """Bits per sample of the averaged weights after 200 steps."""
    random = np.random.default_rng(0)
    with torch.no_grad():
        for weight in model.double().network.parameters():
            weight.copy_(torch.from_numpy(random.uniform(-1, 1, weight.shape) / weight.shape[-1] ** 0.5))
    settings = TrainingSettings(steps=STEPS, batch_size=4, window=64, warm_up=32)
    learner = Learner(model, settings, training_windows(recordings, model, settings))
    learner.connect()
    model.network.own_backward = False  # it is for float32
    for _ in range(STEPS):
        learner.take_step(STEPS)
    return float(bits_per_file(learner.average, held_out).sum() / sum(map(len, held_out)))


@pytest.mark.parametrize("name", SOUND)
def test_networks_of_sound(name):
    settings = {
        "codec": {"name": "linear"},
        "distribution": {"name": "mixture-of-logistics", "num_mixtures": 4},
        "network": {"name": name, **SOUND[name]},
    }
    recordings = [recording(name) for name in RECORDINGS]
    bits = trained(AudioModel.from_settings(settings, AudioForm(RATE)), recordings[1:], [recordings[0][:4000]])
    assert bits == pytest.approx(TRAINED[name], abs=1e-6)


@pytest.mark.parametrize("name", small_picture_models.NAMES)
def test_networks_of_pictures(name):
    pictures = list(digits.load()[0][:200].reshape(200, -1).astype(np.int16))
    settings = {
        "distribution": {"name": "categorical"},
        "network": {"name": name, **small_picture_models.SETTINGS[name]},
    }
    bits = trained(PictureModel.from_settings(settings, PictureForm(8, 8, 1, 17)), pictures[50:], pictures[:50])
    assert bits == pytest.approx(TRAINED_PICTURES[name], abs=1e-6)

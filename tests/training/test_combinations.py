"""Every codec, distribution and predictor that go together are trained together, for a few steps."""

import itertools
import json
import math

import numpy as np
import pytest
import torch

from wavegen.audio import files as audio_files
from wavegen.data.corpus import open_corpus
from wavegen.data.preparing.audio import prepare
from wavegen.evaluation.teacher_forcing import bits_per_file
from wavegen.models import checkpoint
from wavegen.models.audio import AudioModel
from wavegen.models.forms import AudioForm
from wavegen.training import train
from wavegen.training.recipe import parse_recipe

NETWORKS = [
    {"name": "wavenet", "residual_channels": 6, "gate_channels": 8, "skip_channels": 6, "front_kernel_size": 3},
    {"name": "markov", "order": 12, "hidden_sizes": [16]},
    {"name": "nade", "frame_size": 8, "hidden_size": 16},
    {"name": "gru", "hidden_size": 8},
]
CODECS = [("mu-law", 8), ("mu-law", 10), ("mu-law", 12), ("linear", 8), ("linear", 16)]
MIXTURES = ["mixture-of-gaussians", "mixture-of-logistics"]
DISTRIBUTIONS = [("categorical", 0), *itertools.product(MIXTURES, [0, 6])]
COMBINATIONS = [
    (codec, bits, distribution, taps, NETWORKS[number % len(NETWORKS)])
    for number, ((codec, bits), (distribution, taps)) in enumerate(itertools.product(CODECS, DISTRIBUTIONS))
    if (bits, distribution) != (16, "categorical")
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Twenty recordings of a tone in noise, of any loudness, with silence before it."""
    folder = tmp_path_factory.mktemp("speech")
    random = np.random.default_rng(0)
    for number in range(20):
        tone = 10 ** random.uniform(1, 4) * np.sin(np.arange(800) * random.uniform(0.05, 0.3))
        pcm = np.concatenate([np.zeros(60), np.rint(tone + random.normal(0, 20, 800))]).astype(np.int16)
        audio_files.write(folder / f"{number:02}.wav", pcm, 8000)
    corpus = tmp_path_factory.mktemp("trained") / "corpus"
    prepare(folder, corpus)
    return open_corpus(corpus)


@pytest.mark.parametrize(("codec", "bits", "distribution", "taps", "network"), COMBINATIONS)
def test_a_combination_learns(codec, bits, distribution, taps, network, corpus, tmp_path):
    steps = 16
    tables: dict[str, dict] = {
        "codec": {"name": codec, "bits": bits},
        "distribution": {"name": distribution} | ({} if distribution == "categorical" else {"num_mixtures": 4}),
        "network": network | ({"dilations": [1, 2]} if network["name"] == "wavenet" else {}),
        "training": {"batch_size": 4, "window": 100, "warm_up": 20, "threads": 1, "learning_rate": 0.01}
        | {"steps": steps, "validate_every": steps},
    }
    if taps:
        tables["predictor"] = {"name": "linear", "taps": taps}
    recipe = parse_recipe(tables, "test")
    torch.manual_seed(0)
    untrained = AudioModel.from_settings(recipe.model, AudioForm(8000))
    model = checkpoint.load(train(recipe, corpus, tmp_path / "run", progress=False))
    assert json.loads(json.dumps(model.settings)) == recipe.model
    recordings = [corpus.pcm(recording) for recording in corpus.split("train")]  # one held-out file says little
    before, after = bits_per_file(untrained, recordings).sum(), bits_per_file(model, recordings).sum()
    assert after < before
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert all(math.isfinite(line["validation_bits"]) for line in lines if "validation_bits" in line)
    assert all(weight.isfinite().all() for weight in model.parameters())
    assert torch.isfinite(model.log2_prob(torch.tensor([[-32768, 32767, 0, -1]]))[0]).all()

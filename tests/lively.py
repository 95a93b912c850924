"""Models whose distributions change a lot from sample to sample, PCM to feed them, and the float64 answer."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import tiny
import torch

from wavegen.density import AudioModel

SHAPES = {
    "odd": {"residual_channels": 24, "gate_channels": 40, "skip_channels": 40, "dilations": [1, 3, 9, 2]},
    "kernel-3": {
        "residual_channels": 17,
        "gate_channels": 26,
        "skip_channels": 33,
        "kernel_size": 3,
        "dilations": [2, 1, 5],
    },
    "one-layer": {
        "residual_channels": 1,
        "gate_channels": 2,
        "skip_channels": 1,
        "kernel_size": 4,
        "dilations": [3],
    },
    "wide": {"residual_channels": 130, "gate_channels": 148, "skip_channels": 250, "dilations": [1, 1]},
}

# Codecs, distributions, predictors and networks in combination, the first six WaveNets of SHAPES with fronts.
COMBINATIONS: dict[str, dict[str, Any]] = {
    "logistics": {
        "codec": {"name": "linear", "bits": 16},
        "distribution": {"name": "mixture-of-logistics", "num_mixtures": 10},
        "predictor": {"name": "linear", "taps": 32},
        "network": {**SHAPES["odd"], "front_kernel_size": 16},
    },
    "gaussians": {
        "codec": {"name": "linear", "bits": 16},
        "distribution": {"name": "mixture-of-gaussians", "num_mixtures": 5},
        "network": {**SHAPES["kernel-3"], "front_kernel_size": 3},
    },
    "one-gaussian": {
        "codec": {"name": "linear", "bits": 12},
        "distribution": {"name": "mixture-of-gaussians", "num_mixtures": 1},
        "predictor": {"name": "linear", "taps": 1},
        "network": SHAPES["odd"],
    },
    "logistics-mu-law": {
        "codec": {"name": "mu-law", "bits": 8},
        "distribution": {"name": "mixture-of-logistics", "num_mixtures": 17},
        "predictor": {"name": "linear", "taps": 5},
        "network": {**SHAPES["odd"], "front_kernel_size": 2},
    },
    "categorical": {
        "codec": {"name": "mu-law", "bits": 8},
        "distribution": {"name": "categorical"},
        "network": {**SHAPES["kernel-3"], "front_kernel_size": 4},
    },
    "fine-categorical": {
        "codec": {"name": "mu-law", "bits": 12},
        "distribution": {"name": "categorical"},
        "network": {**SHAPES["odd"], "front_kernel_size": 7},
    },
    "gru": {
        "codec": {"name": "linear", "bits": 16},
        "distribution": {"name": "mixture-of-logistics", "num_mixtures": 4},
        "predictor": {"name": "linear", "taps": 7},
        "network": {"name": "gru", "hidden_size": 21},
    },
    "gru-of-two-layers": {
        "codec": {"name": "mu-law", "bits": 8},
        "distribution": {"name": "categorical"},
        "network": {"name": "gru", "hidden_size": 37, "num_layers": 2},
    },
    "lstm": {
        "codec": {"name": "linear", "bits": 16},
        "distribution": {"name": "mixture-of-logistics", "num_mixtures": 4},
        "predictor": {"name": "linear", "taps": 7},
        "network": {"name": "lstm", "hidden_size": 16},
    },
    "lstm-of-two-layers": {
        "codec": {"name": "linear", "bits": 10},
        "distribution": {"name": "mixture-of-gaussians", "num_mixtures": 3},
        "network": {"name": "lstm", "hidden_size": 11, "num_layers": 2},
    },
    "markov": {
        "codec": {"name": "linear", "bits": 16},
        "distribution": {"name": "mixture-of-logistics", "num_mixtures": 4},
        "predictor": {"name": "linear", "taps": 7},
        "network": {"name": "markov", "order": 19, "hidden_sizes": [33, 20]},
    },
    "markov-linear": {
        "codec": {"name": "mu-law", "bits": 9},
        "distribution": {"name": "categorical"},
        "network": {"name": "markov", "order": 5, "hidden_sizes": []},
    },
}


def wavenet(shape: str | dict = "odd", seed: int = 3) -> AudioModel:
    """A float32 mu-law model of one of SHAPES, or of other network settings."""
    settings = SHAPES[shape] if isinstance(shape, str) else shape
    return enlivened(tiny.mu_law_model(name="wavenet", **settings), seed)


def combined(name: str, seed: int = 3) -> AudioModel:
    """A float32 model of one of COMBINATIONS."""
    torch.manual_seed(2)
    settings = COMBINATIONS[name]
    settings = {**settings, "network": {"name": "wavenet", **settings["network"]}}
    return enlivened(AudioModel.from_settings(settings, 8000).eval(), seed)


def enlivened(model: AudioModel, seed: int) -> AudioModel:
    """The model with random weights so large that every one matters."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.network.named_parameters():
            gain = 0.5 if weight.dim() == 1 else 1.4 / math.sqrt(weight.shape[1])
            gain *= 3 if name.startswith("output") else 1
            gain *= 0.7 if name.startswith("cells") else 1  # a network of itself must not be chaotic
            weight.copy_(torch.randn(weight.shape, generator=generator) * gain)
        if model.predictor is not None:
            taps = model.predictor.weights.shape
            model.predictor.weights.copy_(torch.randn(taps, generator=generator) / math.sqrt(taps[0]))
    return model


def pcm(streams: int, samples: int, seed: int = 4) -> np.ndarray:
    """Noise of changing loudness, with silence and both ends of the scale in it, int16 (streams, samples)."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(streams, samples)) * 10 ** rng.uniform(0, 5, size=(streams, samples))
    noise[:, rng.random(samples) < 0.1] = 0
    return np.clip(np.rint(noise), -32768, 32767).astype(np.int16)


@torch.inference_mode()
def teacher_forced(model: AudioModel, samples: np.ndarray) -> np.ndarray:
    """log2 p of each code by the model's own forward pass over whole files, in float64."""
    exact = copy.deepcopy(model).double()
    return exact.log2_prob(torch.from_numpy(samples.astype(np.int64)))[0].numpy()


@torch.inference_mode()
def cumulative(model: AudioModel, samples: np.ndarray, step: int, **how: Any) -> np.ndarray:
    """C / 2³⁰ at the symbols of samples (step 0) or the ones after (step 1), by teacher forcing in float64."""
    exact, codes = copy.deepcopy(model).double(), torch.from_numpy(samples.astype(np.int64))
    params, location, _ = exact.params(codes, exact.initial_state(len(codes)))
    return exact.cumulative(params, exact.codec.encode(codes) + step, location=location, **how).numpy()


@torch.inference_mode()
def probabilities(model: AudioModel, history: np.ndarray, **how: Any) -> np.ndarray:
    """P of every symbol after a history, (samples,) int16, with the uniform share, in float64."""
    exact = copy.deepcopy(model).double()
    codes = torch.from_numpy(np.append(history, 0).astype(np.int64)).unsqueeze(0)
    params, location, _ = exact.params(codes, exact.initial_state(1))
    k = torch.arange(exact.codec.num_symbols + 1)
    location = None if location is None else location[0, -1].expand(len(k))
    below = exact.cumulative(params[0, -1].expand(len(k), -1), k, location=location, **how)
    return below.diff().numpy()


def assert_agrees(log2_prob: np.ndarray, exact: np.ndarray) -> None:
    """The bounds of the numeric contract, a code and a file."""
    assert log2_prob.shape == exact.shape
    nats = np.abs(log2_prob - exact) * math.log(2)
    assert (nats <= 1e-4 * np.maximum(1, np.abs(exact) * math.log(2))).all(), nats.max()
    bits, exact_bits = -log2_prob.mean(axis=1), -exact.mean(axis=1)
    assert (np.abs(bits - exact_bits) <= 1e-5 * np.maximum(1, exact_bits)).all(), np.abs(bits - exact_bits).max()

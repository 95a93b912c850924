"""WaveNets whose distributions change a lot from sample to sample, PCM to feed them, and the float64 answer."""

from __future__ import annotations

import copy
import math

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


def wavenet(shape: str | dict = "odd", seed: int = 3) -> AudioModel:
    """A float32 mu-law model of one of SHAPES, or of other network settings."""
    settings = SHAPES[shape] if isinstance(shape, str) else shape
    model = tiny.mu_law_model(name="wavenet", **settings)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.network.named_parameters():
            gain = 0.5 if weight.dim() == 1 else 1.4 / math.sqrt(weight.shape[1])
            gain *= 3 if name.startswith("output") else 1
            weight.copy_(torch.randn(weight.shape, generator=generator) * gain)
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


def assert_agrees(log2_prob: np.ndarray, exact: np.ndarray) -> None:
    """The bounds of the numeric contract, a code and a file."""
    assert log2_prob.shape == exact.shape
    nats = np.abs(log2_prob - exact) * math.log(2)
    assert (nats <= 1e-4 * np.maximum(1, np.abs(exact) * math.log(2))).all(), nats.max()
    bits, exact_bits = -log2_prob.mean(axis=1), -exact.mean(axis=1)
    assert (np.abs(bits - exact_bits) <= 1e-5 * np.maximum(1, exact_bits)).all(), np.abs(bits - exact_bits).max()

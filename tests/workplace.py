"""A folder with a small corpus, recordings, two models of it and a recipe, to run commands in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tiny

from wavegen import audio
from wavegen.checkpoint import save
from wavegen.data.corpus import open_corpus, prepare

RATE = 8000
NETWORKS = {
    "wavenet": {"residual_channels": 6, "gate_channels": 10, "skip_channels": 7, "dilations": [1, 2, 4]},
    "gru": {"hidden_size": 5},
}
RECIPE = """
[corpus]
path = "corpus"
[network]
name = "gru"
hidden_size = 4
[training]
steps = 3
batch_size = 2
window = 64
warm_up = 16
threads = 1
"""


def wander(samples: int, seed: int) -> np.ndarray:
    """A random walk, (samples,) int16: quick to make and easier to predict than to store."""
    return np.cumsum(np.random.default_rng(seed).normal(0, 40, samples)).round().clip(-30000, 30000).astype(np.int16)


def furnish(folder: Path) -> None:
    """source/*.wav, corpus, wavenet/model.safetensors, gru/model.safetensors, recipe.toml and three recordings."""
    (folder / "source").mkdir()
    for index in range(24):
        audio.write(folder / "source" / f"{index}.wav", wander(1000 + 37 * index, index), RATE)
    prepare(folder / "source", folder / "corpus")
    fingerprint = open_corpus(folder / "corpus").fingerprint
    for name, settings in NETWORKS.items():
        (folder / name).mkdir()
        metadata = {"corpus_fingerprint": fingerprint, "training_seconds": 1.5, "seed": 0, "steps": 3}
        metadata["training_ranges"] = '{"recordings": 24, "silent": 0, "dc": [-9999, 9999]}'
        save(tiny.mu_law_model(name=name, **settings), folder / name / "model.safetensors", metadata)
    (folder / "recipe.toml").write_text(RECIPE)
    audio.write(folder / "a.wav", wander(900, 100), RATE)
    audio.write(folder / "b.wav", wander(1700, 101), RATE)
    audio.write(folder / "16k.wav", wander(1600, 102), 2 * RATE)


def tree(folder: Path) -> dict[str, bytes | None]:
    """Every file and folder below, by name, with its contents: what must not change when a command refuses."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }

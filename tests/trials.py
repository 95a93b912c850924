"""Small trainings: a corpus, recipes, and what two runs that are alike have in common."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from wavegen import audio, checkpoint
from wavegen.data.corpus import Corpus, open_corpus, prepare
from wavegen.recipe import Recipe, parse_recipe
from wavegen.training import train

NETWORKS: dict[str, dict[str, Any]] = {
    "wavenet": {"residual_channels": 8, "gate_channels": 16, "skip_channels": 8, "dilations": [1, 2, 4]},
    "gru": {"hidden_size": 12},
    "lstm": {"hidden_size": 12},
    "nade": {"frame_size": 8, "hidden_size": 12, "context_frames": 1},
}
TIMES = {"seconds", "samples_per_second"}  # of metrics, which no two runs share


def make_corpus(folder: Path) -> Corpus:
    """Thirty recordings of a decaying tone in noise: enough for all three splits."""
    random = np.random.default_rng(0)
    (folder / "speech").mkdir()
    for number in range(30):
        time = np.arange(random.integers(1500, 4000))
        tone = 3000 * np.sin(time * random.uniform(0.05, 0.3)) * np.exp(-time / 2000)
        pcm = np.rint(tone + random.normal(0, 30, len(time))).astype(np.int16)
        audio.write(folder / "speech" / f"{number:02}.wav", pcm, 8000)
    prepare(folder / "speech", folder / "corpus")
    return open_corpus(folder / "corpus")


def recipe(network: str = "wavenet", **training: Any) -> Recipe:
    """Thirty steps with three validations, unless `training` says otherwise."""
    settings = {"steps": 30, "batch_size": 4, "window": 200, "warm_up": 50, "threads": 1, "validate_every": 10}
    settings["bfloat16"] = False
    tables = {"network": {"name": network, **NETWORKS[network]}, "training": settings | training}
    return parse_recipe(tables, "test")


def metrics(run: Path) -> list[dict[str, Any]]:
    """The lines of a run's log without what depends on the clock."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in TIMES} for line in lines]


def check_same_end(run: Path, other: Path) -> None:
    """Raises AssertionError unless two runs left the same models, states and metrics, bit for bit."""
    for name in ("model.safetensors", "last.safetensors", "resume.safetensors"):
        a, b = (checkpoint.read_tensors(folder / name)[0] for folder in (run, other))
        assert a.keys() == b.keys()
        assert all(torch.equal(a[key], b[key]) for key in a), f"{run}: {name} has other weights than {other}"
    assert metrics(run) == metrics(other)
    assert not any(run.glob(".*.part*")), f"{run}: a temporary file was left"


def ends_as_if_never_stopped(asked: Recipe, corpus: Corpus, run: Path, other: Path) -> None:
    """Goes on with a run and compares it with one that is never interrupted, `other`."""
    train(asked, corpus, other, progress=False)
    train(asked, corpus, run, resume=True, progress=False)
    check_same_end(run, other)
    assert checkpoint.read_tensors(run / "resume.safetensors")[1]["step"] == asked.training.steps

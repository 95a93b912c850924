"""Estimates the time and memory of a training by a few steps on a copy."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import NotRequired, TypedDict

import torch

from wavegen.data.corpus import Corpus
from wavegen.models.configs.base import Tables
from wavegen.training.calibration import step_seconds, validation_batches, validation_seconds
from wavegen.training.distributed import together
from wavegen.training.learner import NotFiniteError
from wavegen.training.recipe import Recipe
from wavegen.training.trainer import Trainer


class _OfSound(TypedDict, total=False):
    recorded_seconds: float


class Plan(TypedDict):
    """The JSON of `wavegen train --dry-run`."""

    recipe: Tables  # resolved
    parameters: int
    macs_per_sample: int
    receptive_field: int | None
    recordings: int  # of the training split
    recorded_seconds: NotRequired[float]  # of sound
    device: str
    processes: int
    samples_per_step: int
    seconds_per_step: float
    memory_bytes: int  # the most that this process has held while it timed its steps, on a GPU the GPU's
    training_seconds: float


def plan(recipe: Recipe, corpus: Corpus, *, init: str | Path | None = None) -> Plan:
    """Estimates the time and memory of `train` with these arguments; nothing is written. Raises UserError likewise."""
    with together() as processes:
        with processes.agreed():
            trainer = Trainer(recipe, corpus, corpus.path, processes, init)
        trainer.learner.connect()
        resolved = trainer.decided()
        probe = trainer.learner.copied()
        settings = resolved.training
        assert settings.threads is not None, "a resolved recipe has all three"
        assert settings.steps is not None, "a resolved recipe has all three"
        assert settings.validate_every is not None, "a resolved recipe has all three"
        try:
            probe.round_layers(settings.bfloat16)
            each = step_seconds(lambda: probe.take_step(10**6), settings.threads, processes.any)
        except NotFiniteError as error:
            trainer.stop_diverged(error.step)
    validations = -(-settings.steps // settings.validate_every)
    model = trainer.learner.model
    windows = trainer.learner.windows
    validation = validation_seconds(each, validation_batches(windows, trainer.validation))
    seconds = settings.steps * each + validations * validation
    recorded: _OfSound = {}
    if model.whole is None:
        recorded["recorded_seconds"] = round(int(windows.ends[-1]) / corpus.sample_rate, 1)
    return {
        "recipe": resolved.tables(),
        "parameters": model.num_parameters,
        "macs_per_sample": model.macs_per_sample,
        "receptive_field": model.receptive_field,
        "recordings": len(trainer.trained_on),
        **recorded,
        "device": str(model.device),
        "processes": processes.world,
        "samples_per_step": windows.batch_size * (windows.length - windows.context),
        "seconds_per_step": round(each, 6),
        "memory_bytes": _memory(model.device),
        "training_seconds": round(seconds, 1),
    }


def _memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

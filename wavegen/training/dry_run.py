"""What a training would take, found by a few steps on a copy that is thrown away."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any

import torch

from wavegen.data.corpus import Corpus
from wavegen.training.calibration import step_seconds, validation_seconds
from wavegen.training.choices import calibrated
from wavegen.training.distributed import together
from wavegen.training.learner import NotFiniteError
from wavegen.training.recipe import Recipe
from wavegen.training.trainer import Trainer


def plan(recipe: Recipe, corpus: Corpus, init: str | Path | None = None) -> dict[str, Any]:
    """The resolved recipe, the model's size, and the time and memory that `train` would take; nothing is written.

    Bytes of memory are the most that this process has held while it timed its steps, on a GPU the GPU's. Raises
    UserError as `train` does.
    """
    with together() as processes:
        with processes.agreed():
            trainer = Trainer(recipe, corpus, corpus.path, processes, init)
        trainer.learner.connect()
        resolved, probe = calibrated(trainer), trainer.learner.copied()
        settings = resolved.training
        assert settings.threads is not None, "a resolved recipe has all three"
        assert settings.steps is not None, "a resolved recipe has all three"
        assert settings.validate_every is not None, "a resolved recipe has all three"
        try:
            probe.round_layers(settings.bfloat16)
            each = step_seconds(lambda: probe.take_step(10**6), settings.threads, processes.any)
        except NotFiniteError:
            trainer.stop_diverged(probe)
    validations = -(-settings.steps // settings.validate_every)
    seconds = settings.steps * each + validations * validation_seconds(each, trainer.validation_steps)
    model, windows = trainer.learner.model, trainer.learner.windows
    return {
        "recipe": resolved.tables(),
        "parameters": model.num_parameters,
        "macs_per_sample": model.macs_per_sample,
        "receptive_field": model.receptive_field,
        "recordings": len(trainer.trained_on),
        **({} if model.whole else {"recorded_seconds": round(int(windows.ends[-1]) / corpus.sample_rate, 1)}),
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

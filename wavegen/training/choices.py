"""Decides what a recipe leaves open for a training, by timing steps of a copy of the learner."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wavegen.engine.base import cpus
from wavegen.system import machine
from wavegen.training.calibration import calibrate, validation_batches
from wavegen.training.recipe import CorpusSettings, Recipe

if TYPE_CHECKING:
    from wavegen.evaluation.feeding import Take
    from wavegen.training.learner import Learner

_log = logging.getLogger("wavegen")


def calibrated(recipe: Recipe, learner: Learner, validation: Sequence[Take]) -> Recipe:
    """The recipe with steps, threads and precision decided.

    Args:
        recipe: of the training; its decisions are kept.
        learner: that trains; a copy of it takes the steps that are timed.
        validation: the recordings that a validation scores.

    Raises NotFiniteError if the training diverges.
    """
    processes = learner.processes
    threads = recipe.training.threads
    if threads and threads > cpus() and processes.first:
        _log.warning("wavegen: training.threads = %d on %d CPUs, which slows it down", threads, cpus())
    probe = learner.copied()

    def step(bfloat16: bool) -> None:
        probe.round_layers(bfloat16)
        probe.take_step(10**6)

    if processes.world > 1 and recipe.training.threads is None:  # as many processes as wanted share the machine already
        recipe = recipe.model_copy(update={"training": recipe.training.model_copy(update={"threads": 1})})
    scored = validation_batches(learner.windows, validation)
    resolved = calibrate(recipe, step, scored, _bfloat16_choices(learner), processes.any)
    # The corpus's path is relative to the recipe's old folder; the fingerprint in the model names the corpus.
    corpus = CorpusSettings(sample_rate=resolved.corpus.sample_rate)
    return processes.from_first(lambda: resolved.model_copy(update={"corpus": corpus}))


def _bfloat16_choices(learner: Learner) -> list[bool]:
    """The choices for products inside the layers, bfloat16 or not, if the recipe leaves it open."""
    model = learner.model
    if model.device.type == "cuda":
        return [True]
    worth_a_try = model.network.takes_bfloat16 and machine.multiplies_bfloat16()
    return [False] if learner.processes.any(not worth_a_try) else [False, True]

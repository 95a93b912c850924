"""Decides what a recipe leaves open for a training, by timing steps of a copy of the learner."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from wavegen.engine.base import cpus
from wavegen.system import machine
from wavegen.training.calibration import calibrate
from wavegen.training.learner import NotFiniteError
from wavegen.training.recipe import CorpusSettings, Recipe

if TYPE_CHECKING:
    from wavegen.training.trainer import Trainer


_log = logging.getLogger("wavegen")


def calibrated(trainer: Trainer) -> Recipe:
    """The recipe of `trainer` with steps, threads and precision decided. Raises UserError if the training diverges."""
    recipe, processes = trainer.recipe, trainer.processes
    threads = recipe.training.threads
    if threads and threads > cpus() and processes.first:
        _log.warning("wavegen: training.threads = %d on %d CPUs, which slows it down", threads, cpus())
    probe = trainer.learner.copied()

    def step(bfloat16: bool) -> None:
        probe.round_layers(bfloat16)
        probe.take_step(10**6)

    if processes.world > 1 and recipe.training.threads is None:  # as many processes as wanted share the machine already
        recipe = recipe.model_copy(update={"training": recipe.training.model_copy(update={"threads": 1})})
    try:
        resolved = calibrate(recipe, step, trainer.validation_steps, _bfloat16_choices(trainer), processes.any)
    except NotFiniteError:
        trainer.stop_diverged(probe)
    # The corpus's path is relative to the recipe's old folder; the fingerprint in the model names the corpus.
    corpus = CorpusSettings(sample_rate=resolved.corpus.sample_rate)
    return processes.from_first(lambda: resolved.model_copy(update={"corpus": corpus}))


def _bfloat16_choices(trainer: Trainer) -> list[bool]:
    """The choices for products inside the layers, bfloat16 or not, if the recipe leaves it open."""
    model = trainer.learner.model
    if model.device.type == "cuda":
        return [True]
    worth_a_try = model.network.takes_bfloat16 and machine.multiplies_bfloat16()
    return [False] if trainer.processes.any(not worth_a_try) else [False, True]

"""Turns what a recipe leaves to the machine into numbers: threads, steps in a number of minutes, validations."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from wavegen.recipe import Recipe

TRIALS = 3
VALIDATION_SHARE = 0.05  # of the training time at most goes into validating
MAX_VALIDATIONS = 40


def calibrate(recipe: Recipe, loss: Callable[[int], Tensor], validation_batches: float) -> Recipe:
    """The recipe with `steps`, `validate_every` and `threads` decided by timing `loss` of a few steps and its gradient.

    `validation_batches` is how many times a batch's samples one validation scores.

    More threads are taken only if they are a tenth faster: on a busy machine two can be far slower than one.
    """
    settings = recipe.training
    choices = [settings.threads] if settings.threads else sorted({1, 2, _cpus()})
    seconds = {threads: _step_seconds(loss, threads) for threads in choices}
    threads = choices[0]
    for more in choices[1:]:
        if seconds[more] < 0.9 * seconds[threads]:
            threads = more
    step_seconds = seconds[threads]
    # A step is a forward and a backward pass, about three times the work of scoring as many samples.
    validation_seconds = step_seconds / 3 * validation_batches
    steps = settings.steps
    if steps is None:
        assert settings.minutes is not None, "a recipe has steps or minutes"
        steps = max(1, int(settings.minutes * 60 * (1 - VALIDATION_SHARE) / step_seconds))
    every = settings.validate_every
    if every is None:
        cheap = validation_seconds / VALIDATION_SHARE / step_seconds
        every = min(steps, max(1, round(max(cheap, steps / MAX_VALIDATIONS))))
    decided = {"steps": steps, "minutes": None, "validate_every": every, "threads": threads}
    return recipe.model_copy(update={"training": settings.model_copy(update=decided)})


def _cpus() -> int:
    """How many CPUs this process may use, where the system says so."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _step_seconds(loss: Callable[[int], Tensor], threads: int) -> float:
    """The median time of a forward and backward pass with that many threads."""
    before, times = torch.get_num_threads(), []
    torch.set_num_threads(threads)
    try:
        for trial in range(TRIALS + 1):
            started = time.monotonic()
            loss(trial).backward()
            times.append(time.monotonic() - started)
    finally:
        torch.set_num_threads(before)
    return statistics.median(times[1:])

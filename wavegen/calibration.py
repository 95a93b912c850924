"""Turns what a recipe leaves to the machine into numbers: threads, steps in a number of minutes, validations."""

from __future__ import annotations

import time
from collections.abc import Callable

from wavegen.engine.base import cpus
from wavegen.process import torch_threads
from wavegen.recipe import Recipe

TRIALS, TRIAL_SECONDS = 3, 1.5
VALIDATION_SHARE = 0.05  # of the training time at most goes into validating
MAX_VALIDATIONS = 40


def calibrate(
    recipe: Recipe,
    step: Callable[[], object],
    validation_batches: float,
    in_any: Callable[[bool], bool] = bool,
) -> Recipe:
    """The recipe with `steps`, `validate_every` and `threads` decided by timing `step`, one of training.

    `validation_batches` is how many times a batch's samples one validation scores. More threads are
    taken only if they are a tenth faster: on a busy machine two can be far slower than one. `in_any` says
    whether something is so in any of the processes that step together: all take the same number of trials.
    """
    settings = recipe.training
    if settings.steps and settings.validate_every and settings.threads:
        return recipe
    choices = [settings.threads] if settings.threads else sorted({1, 2, cpus()})
    seconds = {threads: step_seconds(step, threads, in_any) for threads in choices}
    threads = choices[0]
    for more in choices[1:]:
        if seconds[more] < 0.9 * seconds[threads]:
            threads = more
    each = seconds[threads]
    steps = settings.steps
    if steps is None:
        assert settings.minutes is not None, "a recipe has steps or minutes"
        steps = max(1, int(settings.minutes * 60 * (1 - VALIDATION_SHARE) / each))
    every = settings.validate_every
    if every is None:
        cheap = validation_seconds(each, validation_batches) / VALIDATION_SHARE / each
        every = min(steps, max(1, round(max(cheap, steps / MAX_VALIDATIONS))))
    decided = {"steps": steps, "minutes": None, "validate_every": every, "threads": threads}
    return recipe.model_copy(update={"training": settings.model_copy(update=decided)})


def validation_seconds(each: float, validation_batches: float) -> float:
    """How long a validation of that many batches takes where a step takes `each` seconds.

    A step is a forward and a backward pass, about three times the work of scoring as many samples.
    """
    return each / 3 * validation_batches


def step_seconds(step: Callable[[], object], threads: int, in_any: Callable[[bool], bool] = bool) -> float:
    """The mean time of a step with that many threads, over TRIALS of them and TRIAL_SECONDS at least."""
    with torch_threads(threads):
        step()  # the first is slower
        begun, trials = time.monotonic(), 0
        while in_any(trials < TRIALS or time.monotonic() - begun < TRIAL_SECONDS):
            step()
            trials += 1
        return (time.monotonic() - begun) / trials

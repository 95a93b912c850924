"""Decides what a recipe leaves to the machine: threads, bfloat16, steps in a number of minutes, validations."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from wavegen.engine.base import cpus
from wavegen.training.host import torch_threads
from wavegen.training.recipe import Recipe

TRIALS, TRIAL_SECONDS = 3, 1.5
VALIDATION_SHARE = 0.05  # of the training time at most goes into validating
MAX_VALIDATIONS = 40
WORTHWHILE = 0.9  # of a step's time is what another choice may take to be preferred


def calibrate(
    recipe: Recipe,
    step: Callable[[bool], object],
    validation_batches: float,
    bfloat16_choices: Sequence[bool],
    in_any: Callable[[bool], bool] = bool,
) -> Recipe:
    """The recipe with `steps`, `validate_every`, `threads` and `bfloat16` decided by timing `step`, one of training.

    `step` is told whether to use bfloat16, `bfloat16_choices` what it may be told. `validation_batches` is how many
    times a batch's samples one validation scores. More threads, and bfloat16, are taken only if they are a tenth
    faster: on a busy machine two threads can be far slower than one. `in_any` says whether something is so in any of
    the processes that step together: all take the same number of trials.
    """
    settings = recipe.training
    if settings.bfloat16 is not None:
        bfloat16_choices = [settings.bfloat16]
    choices = [settings.threads] if settings.threads else sorted({1, 2, cpus()})
    if settings.steps and settings.validate_every and len(choices) == len(bfloat16_choices) == 1:
        return _decided(recipe, bfloat16=bfloat16_choices[0], threads=choices[0])

    def seconds(threads: int, bfloat16: bool) -> float:
        return step_seconds(lambda: step(bfloat16), threads, in_any)

    threads, bfloat16 = choices[0], bfloat16_choices[0]
    each = seconds(threads, bfloat16)
    for other in bfloat16_choices[1:]:
        if (faster := seconds(threads, other)) < WORTHWHILE * each:
            bfloat16, each = other, faster
    for more in choices[1:]:
        if (faster := seconds(more, bfloat16)) < WORTHWHILE * each:
            threads, each = more, faster
    steps = settings.steps
    if steps is None:
        assert settings.minutes is not None, "a recipe has steps or minutes"
        steps = max(1, int(settings.minutes * 60 * (1 - VALIDATION_SHARE) / each))
    every = settings.validate_every
    if every is None:
        cheap = validation_seconds(each, validation_batches) / VALIDATION_SHARE / each
        every = min(steps, max(1, round(max(cheap, steps / MAX_VALIDATIONS))))
    return _decided(recipe, steps=steps, minutes=None, validate_every=every, threads=threads, bfloat16=bfloat16)


def _decided(recipe: Recipe, **training: object) -> Recipe:
    return recipe.model_copy(update={"training": recipe.training.model_copy(update=training)})


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

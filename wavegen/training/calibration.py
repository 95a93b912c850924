"""Decides what a recipe leaves open: threads, bfloat16, steps in a number of minutes, steps between validations."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from wavegen.engine.base import cpus
from wavegen.training.host import torch_threads
from wavegen.training.recipe import Recipe

if TYPE_CHECKING:
    from wavegen.evaluation.feeding import Take
    from wavegen.training.windows import Windows

TIMED_STEPS, TIMED_SECONDS = 3, 1.5  # at least
VALIDATION_SHARE = 0.05  # of the training time, for validations at most
MAX_VALIDATIONS = 40
WORTHWHILE = 0.9  # share of a step's time from which another choice is preferred

T = TypeVar("T")


def calibrate(
    recipe: Recipe,
    step: Callable[[bool], object],
    validation_batches: float,
    bfloat16_choices: Sequence[bool],
    in_any: Callable[[bool], bool] = bool,
) -> Recipe:
    """The recipe with `steps`, `validate_every`, `threads` and `bfloat16` decided by timing steps.

    More threads, and bfloat16, are chosen only if they are a tenth faster: on a busy machine two threads can be far
    slower than one.

    Args:
        recipe: its decisions are kept.
        step: takes a step of training, with bfloat16 or not.
        validation_batches: samples that one validation scores, as a multiple of a step's.
        bfloat16_choices: arguments of `step`; the first is the default.
        in_any: whether something is so in any of the processes that step together, so that all take as many steps.
    """
    settings = recipe.training
    if settings.bfloat16 is not None:
        bfloat16_choices = [settings.bfloat16]
    choices = [settings.threads] if settings.threads else sorted({1, 2, cpus()})
    if settings.steps and settings.validate_every and len(choices) == len(bfloat16_choices) == 1:
        return _decided(recipe, bfloat16=bfloat16_choices[0], threads=choices[0])

    def seconds(threads: int, bfloat16: bool) -> float:
        return step_seconds(lambda: step(bfloat16), threads, in_any)

    bfloat16, each = _fastest(lambda choice: seconds(choices[0], choice), bfloat16_choices)
    threads, each = _fastest(lambda choice: seconds(choice, bfloat16), choices, each)
    steps = settings.steps
    if steps is None:
        assert settings.minutes is not None, "a recipe has steps or minutes"
        steps = max(1, int(settings.minutes * 60 * (1 - VALIDATION_SHARE) / each))
    every = settings.validate_every
    if every is None:
        cheap = validation_seconds(each, validation_batches) / VALIDATION_SHARE / each
        every = min(steps, max(1, round(max(cheap, steps / MAX_VALIDATIONS))))
    return _decided(recipe, steps=steps, minutes=None, validate_every=every, threads=threads, bfloat16=bfloat16)


def _fastest(seconds: Callable[[T], float], choices: Sequence[T], first: float | None = None) -> tuple[T, float]:
    """The choice with the shortest steps, and these; a later one only where it is WORTHWHILE.

    `first` are the seconds of the first choice, if they are known.
    """
    best = choices[0]
    each = seconds(best) if first is None else first
    for choice in choices[1:]:
        if (faster := seconds(choice)) < WORTHWHILE * each:
            best = choice
            each = faster
    return best, each


def _decided(recipe: Recipe, **training: object) -> Recipe:
    return recipe.model_copy(update={"training": recipe.training.model_copy(update=training)})


def validation_batches(windows: Windows, validation: Sequence[Take]) -> float:
    """Samples that one validation scores, as a multiple of a step's."""
    return sum(take.samples for take in validation) / (windows.batch_size * windows.length)


def validation_seconds(each: float, validation_batches: float) -> float:
    """Seconds of a validation of so many batches if a step takes `each` seconds.

    A step is a forward and a backward pass, about three times the work of scoring as many samples.
    """
    return each / 3 * validation_batches


def step_seconds(step: Callable[[], object], threads: int, in_any: Callable[[bool], bool] = bool) -> float:
    """The mean time of a step with so many threads, over TIMED_STEPS and TIMED_SECONDS at least."""
    with torch_threads(threads):
        step()  # the first is slower
        begun = time.monotonic()
        steps = 0
        while in_any(steps < TIMED_STEPS or time.monotonic() - begun < TIMED_SECONDS):
            step()
            steps += 1
        return (time.monotonic() - begun) / steps

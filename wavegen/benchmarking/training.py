"""Measures how fast a WaveNet trains, beside a loop written with `Conv1d`, and the bits that each reaches."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from tqdm import tqdm

from wavegen.assets import speech
from wavegen.benchmarking.configurations import CONFIGURATIONS, configuration
from wavegen.benchmarking.conv_loop import ConvLoop
from wavegen.benchmarking.machine import described
from wavegen.benchmarking.results import BenchResult, BenchRow, MissingEngine, Ratio
from wavegen.data.corpus import open_corpus
from wavegen.data.preparing.audio import prepare
from wavegen.errors import UserError, nearest
from wavegen.evaluation.teacher_forcing import bits_per_file
from wavegen.models.density import Density
from wavegen.system import machine
from wavegen.training.batches import training_windows, validation_takes
from wavegen.training.host import keep_freed_memory, torch_threads
from wavegen.training.learner import Learner
from wavegen.training.recipe import TrainingSettings
from wavegen.training.windows import Windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROUNDS = 30
BATCH_SIZE = 8
WINDOW = 2048
LOOP = "Conv1d loop"
OWN = "wavegen"


class Contender(NamedTuple):
    """A training: `step()` makes one step, `trained()` gives the model after all steps."""

    engine: str
    precision: str
    step: Callable[[], object]
    trained: Callable[[], Density]


def bench_training(what: str, rounds: int = ROUNDS, progress: bool = False) -> BenchResult:
    """Samples per second of training, on one thread.

    All start from the same weights and take the same windows of the embedded speech, a step each in turn; the first
    step does not count. Samples are those of the windows, context included. `bits_per_sample` are those of the
    validation recordings after the last step.

    Args:
        what: configuration "A", "B" or "C".
        rounds: steps of each.
        progress: shows a bar on stderr.

    Raises:
        UserError: the configuration is unknown, or there are no rounds.
    """
    if rounds < 1:
        raise UserError(f"`rounds={rounds}`: give one at least", parameter="rounds")
    if what not in CONFIGURATIONS:
        raise UserError(f"{what}: training is timed with a configuration{nearest(what, CONFIGURATIONS)}")
    keep_freed_memory()
    settings = TrainingSettings(steps=rounds + 1, batch_size=BATCH_SIZE, window=WINDOW, threads=1)
    with tempfile.TemporaryDirectory() as folder, torch_threads(1):
        prepare(speech.folder(), folder)
        corpus = open_corpus(folder)
        windows = training_windows(corpus.pcms("train"), configuration(what), settings)
        contenders, missing = _contenders(what, windows, settings)
        seconds = _seconds(contenders, rounds, progress)
        files = [take.pcm() for take in validation_takes(corpus)]
        bits = [
            bits_per_file(contender.trained().eval(), files).sum() / sum(map(len, files)) for contender in contenders
        ]
    rates = BATCH_SIZE * windows.length / seconds
    names = [f"{contender.engine} {contender.precision}" for contender in contenders]
    return {
        **described(what, configuration(what), rounds),
        "batch_size": BATCH_SIZE,
        "window": windows.length,
        "rows": [_row(*each) for each in zip(contenders, rates.T, bits, strict=True)],
        "ratios": _ratios(names, rates),
        "missing": missing,
    }


def _row(contender: Contender, turns: NDArray[np.float64], bits: float) -> BenchRow:
    return {
        "engine": contender.engine,
        "precision": contender.precision,
        "threads": 1,
        "streams": BATCH_SIZE,
        "samples_per_second": round(float(median(turns)), 1),
        "low": round(float(turns.min()), 1),
        "high": round(float(turns.max()), 1),
        "bits_per_sample": round(float(bits), 4),
    }


def _ratios(names: Sequence[str], rates: NDArray[np.float64]) -> list[Ratio]:
    """Each training's speed over the loop's; rates (rounds, contenders)."""
    loop = names.index(f"{LOOP} float32")
    ratios = rates / rates[:, [loop]]
    return [
        {
            "a": name,
            "b": names[loop],
            "ratio": round(float(np.median(column)), 3),
            "low": round(float(column.min()), 3),
            "high": round(float(column.max()), 3),
        }
        for name, column in zip(names, ratios.T, strict=True)
        if name != names[loop]
    ]


def _contenders(what: str, windows: Windows, settings: TrainingSettings) -> tuple[list[Contender], list[MissingEngine]]:
    loop = ConvLoop(configuration(what).train(), windows)
    made = [Contender(LOOP, "float32", loop.take_step, loop.trained)]
    choices = [False, True] if machine.multiplies_bfloat16() else [False]
    for bfloat16 in choices:
        learner = Learner(configuration(what).train(), settings.model_copy(update={"bfloat16": bfloat16}), windows)
        learner.connect()
        precision = "bfloat16" if bfloat16 else "float32"
        made.append(Contender(OWN, precision, _stepping(learner), lambda learner=learner: learner.model))
    missing: list[MissingEngine] = []
    if len(choices) == 1:
        missing.append({"engine": f"{OWN} bfloat16", "why": "this CPU has no products of bfloat16"})
    return made, missing


def _stepping(learner: Learner) -> Callable[[], object]:
    assert learner.settings.steps is not None, "`bench_training` says how many"
    steps = learner.settings.steps
    return lambda: learner.take_step(steps)


def _seconds(contenders: list[Contender], rounds: int, progress: bool) -> NDArray[np.float64]:
    """The time of each step but the first, (rounds, contenders)."""
    seconds = np.zeros((rounds + 1, len(contenders)))
    for turn in tqdm(range(rounds + 1), desc="step", leave=False, disable=None if progress else True):
        for index, contender in enumerate(contenders):
            begun = time.perf_counter()
            contender.step()
            seconds[turn, index] = time.perf_counter() - begun
    return seconds[1:]

"""Draws recordings from frames, many side by side."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from wavegen.engine.base import Engine, cpus
from wavegen.evaluation.feeding import side_by_side
from wavegen.models.model import AnyAudio
from wavegen.sampling.audio import Draw
from wavegen.sampling.vocoder_inputs import Input
from wavegen.system.progress import Bar

if TYPE_CHECKING:
    from numpy.typing import NDArray

STREAMS = 32  # recordings side by side on a CPU
SAMPLES_PER_CALL = 512  # of an engine; an interrupt is noticed between two calls

OpenStreams = Callable[[int], Engine]  # the number of streams to an engine, whose streams are at the start of a file
_Piece: TypeAlias = "tuple[NDArray[np.int16], NDArray[np.float64]]"  # samples, and log2 p of each


class Clock:
    """Seconds inside its blocks."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        begun = time.monotonic()
        yield
        self.seconds += time.monotonic() - begun


@dataclass(frozen=True)
class Manner:
    """How recordings are drawn, all alike: see `vocode`."""

    speaker: str | None
    seed: int
    temperature: float
    top_p: float
    exact: bool

    @classmethod
    def of(
        cls,
        model: AnyAudio,
        speaker: str | None,
        seed: int,
        temperature: float | None,
        top_p: float | None,
        exact: bool,
    ) -> Manner:
        """With what the model's file says of temperature and `top_p` where they are None."""
        temperature = float(model.metadata.get("temperature", 1.0)) if temperature is None else temperature
        top_p = float(model.metadata.get("top_p", 1.0)) if top_p is None else top_p
        return cls(speaker, seed, temperature, top_p, exact)


def draws(
    inputs: Sequence[Input], manner: Manner, open_streams: OpenStreams, clock: Clock, bar: Bar
) -> Iterator[tuple[int, Draw]]:
    """Draws the recording of each input, which comes with the input's index as soon as it is whole.

    `clock` runs while samples are drawn, not while frames are computed, for which libraries are loaded and compiled.
    """
    for group in side_by_side([each.samples for each in inputs], STREAMS * cpus()):
        yield from _side_by_side({index: inputs[index] for index in group}, manner, open_streams, clock, bar)


def _side_by_side(
    inputs: Mapping[int, Input], manner: Manner, open_streams: OpenStreams, clock: Clock, bar: Bar
) -> Iterator[tuple[int, Draw]]:
    """Draws recordings side by side; each comes with its key as soon as it is whole."""
    engine = open_streams(len(inputs))
    for stream, each in enumerate(inputs.values()):
        engine.condition(stream, manner.speaker, each.frames())
    pieces: dict[int, list[_Piece]] = {key: [] for key in inputs}
    rows: list[int] = list(inputs)
    drawn = 0
    while rows:
        count = min(SAMPLES_PER_CALL, *(inputs[key].samples - drawn for key in rows))
        seeds = [manner.seed] * len(rows)
        with clock.running():
            pcm, log2_prob = engine.generate(count, seeds, manner.temperature, manner.top_p, manner.exact)
        drawn += count
        bar.update(pcm.size)
        for key, codes, values in zip(rows, pcm, log2_prob, strict=True):
            pieces[key].append((codes, values))
        kept = [stream for stream, key in enumerate(rows) if inputs[key].samples > drawn]
        for key in rows:
            if inputs[key].samples == drawn:
                yield key, _draw(manner.seed, pieces.pop(key))
        if kept and len(kept) < len(rows):
            engine = engine.resized(len(kept), kept)
        rows = [rows[stream] for stream in kept]


def _draw(seed: int, pieces: Sequence[_Piece]) -> Draw:
    return Draw(seed, np.concatenate([pcm for pcm, _ in pieces]), np.concatenate([values for _, values in pieces]))

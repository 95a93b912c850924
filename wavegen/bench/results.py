"""Results of benchmarks; as JSON they are what `wavegen bench` prints."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class Machine(TypedDict):
    """The machine of a benchmark."""

    cpu: str | None
    cpus: int
    isa: str | None  # instruction set of the C++ engine
    gpu: str | None


class BenchRow(TypedDict):
    """How fast one contender is."""

    engine: str
    precision: str
    threads: int
    streams: int
    samples_per_second: float  # the median of its turns
    low: float  # of its turns
    high: float
    bits_per_sample: NotRequired[float]  # of a training


class Ratio(TypedDict):
    """The median over rounds of the speed of `a` by that of `b` within a round, with the least and the most."""

    a: str
    b: str
    ratio: float
    low: float
    high: float


class MissingEngine(TypedDict):
    """A contender that did not run."""

    engine: str
    why: str


class Benched(TypedDict):
    """What was measured, how often, and on what machine."""

    model: str
    macs_per_sample: int
    parameters: int
    sample_rate: int  # Hz
    rounds: int
    machine: Machine


class BenchResult(Benched):
    """The JSON of `wavegen bench`."""

    rows: list[BenchRow]
    ratios: list[Ratio]
    missing: list[MissingEngine]
    batch_size: NotRequired[int]  # of a training
    window: NotRequired[int]  # of a training

"""Results of benchmarks; `wavegen bench` prints them as JSON."""

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
    """The model, the number of rounds and the machine of a benchmark."""

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

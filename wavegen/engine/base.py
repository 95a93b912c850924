"""What every engine promises, and the checks of what it is handed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from wavegen.errors import UserError
from wavegen.models.density import Density
from wavegen.system import machine

PRECISIONS = ("float32", "bfloat16", "int8")  # of the layers' weights; see csrc/networks/matrix.h for what is rounded
MOST_THREADS = 256
NOT_FINITE = "the network's outputs are not finite: its weights are damaged or far too large"


class Engine(Protocol):
    """Streams side by side, each with its own past, which starts as a file does and moves on with every call.

    Time counts from a stream's first sample, fed or drawn, so that `generate(100)` twice is `generate(200)`,
    and a stream depends on its own seed and past only, not on how many others there are.
    Both raise UserError if the network's outputs are not finite.
    """

    name: str  # "cpu", "cuda" or "torch"
    precision: str  # of the layers' weights: "float64" in the torch engine
    streams: int

    def generate(
        self,
        num_samples: int,
        seeds: Sequence[int],
        temperature: float = 1.0,
        top_p: float = 1.0,
        exact: bool = False,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draws from each stream: PCM int16 (streams, num_samples) and log2 p of each code, float64 of that shape.

        A drawn symbol's PCM code is the middle of its cell. `exact` draws follow the density that is scored, in which
        every code has a probability of 2⁻³⁰ at least, at any temperature; others follow the model without that uniform
        share, which is heard as clicks. Log-probabilities are those of the scored density at temperature and top_p 1.
        Raises UserError unless there is a 64-bit seed for each stream, the temperature is positive and top_p is above
        0 and at most 1, and 1 unless the distribution is categorical.
        """
        ...

    def feed(self, pcm: np.ndarray) -> np.ndarray:
        """Runs PCM int16 (streams, n) through the streams: log2 p of each code, float64 (streams, n)."""
        ...

    def save(self) -> Any:
        """All that the streams' future depends on, for `restore` of an engine of the same model and streams."""
        ...

    def restore(self, state: Any) -> None: ...


def checked_seeds(seeds: Sequence[int], streams: int) -> np.ndarray:
    """The seeds, (streams,) uint64. Raises UserError unless they are `streams` integers from 0 to 2⁶⁴ − 1."""
    values = [int(seed) for seed in seeds]
    if len(values) != streams:
        raise UserError(f"{len(values)} seeds for {streams} streams; each stream needs one")
    for value in values:
        if not 0 <= value < 2**64:
            raise UserError(f"seed {value} is not between 0 and 2^64 - 1")
    return np.array(values, dtype=np.uint64)


def checked_temperature(temperature: float) -> float:
    """The temperature. Raises UserError unless it is between 1e-6 and 1e6."""
    if not (math.isfinite(temperature) and 1e-6 <= temperature <= 1e6):
        raise UserError(f"temperature {temperature} is not between 1e-6 and 1e6; 1 samples the model as it is")
    return float(temperature)


def checked_top_p(top_p: float, model: Density) -> float:
    """The top_p. Raises UserError unless it is above 0 and at most 1, and 1 for a mixture."""
    if not 0 < top_p <= 1:
        raise UserError(f"top_p {top_p} is not above 0 and at most 1; 1 samples the model as it is")
    if top_p < 1 and not model.distribution.takes_top_p:
        raise UserError(
            f"top_p {top_p} needs a categorical distribution; a {model.distribution.name} has a temperature"
        )
    return float(top_p)


def checked_pcm(pcm: np.ndarray, streams: int) -> np.ndarray:
    """The PCM. Raises ValueError unless it is int16 (streams, n)."""
    if pcm.dtype != np.int16 or pcm.ndim != 2 or pcm.shape[0] != streams:
        raise ValueError(f"expected int16 PCM of shape ({streams}, n), got {pcm.dtype} {pcm.shape}")
    return pcm


def cpus() -> int:
    """How many CPUs an engine of this process may use, MOST_THREADS at most."""
    return min(machine.cpus(), MOST_THREADS)

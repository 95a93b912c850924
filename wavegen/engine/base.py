"""The protocol of all engines, and the checks of their arguments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np

from wavegen.errors import UserError
from wavegen.system import machine

if TYPE_CHECKING:
    from numpy.typing import NDArray

PRECISIONS = ("float32", "bfloat16", "int8")  # of the layers' weights; see csrc/networks/matrix.h
MAX_THREADS = 256
NOT_FINITE = "the network's outputs are not finite: its weights are damaged or far too large"


class Encoder(Protocol):
    """The entropy coder of one stream: `wavegen_native.Encoder`."""

    def put(self, start: int, count: int, /) -> None:
        """Appends the interval [start, start + count) of 2³⁰."""

    def finish(self) -> NDArray[np.uint32]:
        """The words of all intervals since the last call, (words,) uint32."""
        ...


class Decoder(Protocol):
    """The entropy decoder of one stream: `wavegen_native.Decoder`."""

    def u(self) -> int:
        """A number below 2³⁰ that lies in the next interval."""
        ...

    def consume(self, start: int, count: int, /) -> None:
        """Moves past the interval [start, start + count)."""

    def finished(self) -> bool:
        """Whether the words were an encoder's and all have been read."""
        ...


class Engine(Protocol):
    """Streams side by side, each with its own history; every call moves them on from where the last one ended.

    Time counts from a stream's first sample, fed or drawn, so that `generate(100)` twice is `generate(200)`. A stream
    depends on its own seed, history and condition only, not on how many others there are. Every method that runs the
    network raises UserError if its outputs are not finite, or if it needs frames of a condition that have not come.
    """

    name: str  # "cpu", "cuda" or "torch"
    precision: str  # of the layers' weights: "float64" in the torch engine
    streams: int

    def condition(
        self,
        stream: int,
        speaker: str | None = None,
        frames: NDArray[np.floating] | None = None,
        ended: bool = True,
    ) -> None:
        """Says what a stream is conditioned on from where it stands: until then an unknown speaker and no frames.

        While more frames are to come, a further call appends to them; a speaker given with it holds for the frames
        that the encoder had still to see whole. Otherwise it begins anew.

        Args:
            stream: its index.
            speaker: one of the model's; None for an unknown one or, in a further call, the same.
            frames: float32 (n, channels), not normalised, one for each hop of the model; None for none.
            ended: whether these are the last frames, of which the last then holds for ever. If not, each sample needs
                as many frames after its own as the encoder looks ahead.

        Raises UserError for a speaker or for frames that the model does not take.
        """
        ...

    def generate(
        self,
        num_samples: int,
        seeds: Sequence[int],
        temperature: float = 1.0,
        top_p: float = 1.0,
        exact: bool = False,
    ) -> tuple[NDArray[np.int16], NDArray[np.float64]]:
        """Draws samples from each stream. A drawn symbol's PCM code is the middle of its cell.

        Args:
            num_samples: of each stream.
            seeds: a 64-bit seed for each stream.
            temperature: 1 samples the model as it is.
            top_p: above 0, at most 1; below 1 for categorical distributions only.
            exact: draws follow the density that is scored, in which every code has a probability of 2⁻³⁰ at least, at
                any temperature; others follow the model without that uniform share, which is heard as clicks.

        Returns:
            PCM int16 (streams, num_samples), and log2 p of each code, float64 of that shape, under the scored density
            at temperature and top_p 1.

        Raises:
            UserError: for a wrong number of seeds, or an argument out of range.
        """
        ...

    def feed(self, pcm: NDArray[np.int16]) -> NDArray[np.float64]:
        """Runs PCM int16 (streams, n) through the streams: log2 p of each code, float64 (streams, n)."""
        ...

    def encode(self, pcm: NDArray[np.int16], encoders: Sequence[Encoder]) -> NDArray[np.float64]:
        """`feed` that also appends each stream's samples, PCM int16 (streams, n), to its encoder.

        Raises UserError in the cuda engine, whose probabilities another machine does not reproduce.
        """
        ...

    def decode(self, num_samples: int, decoders: Sequence[Decoder]) -> NDArray[np.int16]:
        """PCM int16 (streams, num_samples), read from a decoder for each stream. Raises UserError as `encode` does."""
        ...

    def save(self) -> object:
        """The state of all streams, for `restore` of an engine of the same model and number of streams."""
        ...

    def restore(self, state: object) -> None:
        """Puts the streams into a saved state. Raises TypeError for another engine's; cpu and cuda share theirs."""

    def resized(self, streams: int, kept: Sequence[int] = ()) -> Engine:
        """Another engine of the same model, which shares the weights.

        Args:
            streams: their number.
            kept: indices of streams of this engine, whose history and condition the first streams of the other take
                over; the rest start as a file does. Random words count on from this engine's time if any is kept.

        Raises ValueError if `kept` has more than `streams` indices, or one that is no stream's.
        """
        ...


def checked_seeds(seeds: Sequence[int], streams: int) -> NDArray[np.uint64]:
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


class _Distribution(Protocol):
    name: ClassVar[str]
    takes_top_p: ClassVar[bool]


class Sampled(Protocol):
    """A model of any kind, as data or as a torch module."""

    @property
    def distribution(self) -> _Distribution: ...


def checked_top_p(top_p: float, model: Sampled) -> float:
    """The top_p. Raises UserError unless it is above 0 and at most 1, and 1 for a mixture."""
    if not 0 < top_p <= 1:
        raise UserError(f"top_p {top_p} is not above 0 and at most 1; 1 samples the model as it is")
    if top_p < 1 and not model.distribution.takes_top_p:
        said = f"top_p {top_p} is for a categorical distribution, and a {model.distribution.name} has a temperature"
        raise UserError(f"{said}; leave out `top_p`", parameter="top_p")
    return float(top_p)


def checked_pcm(pcm: NDArray[np.int16], streams: int) -> NDArray[np.int16]:
    """The PCM. Raises ValueError unless it is int16 (streams, n)."""
    if pcm.dtype != np.int16 or pcm.ndim != 2 or pcm.shape[0] != streams:
        raise ValueError(f"expected int16 PCM of shape ({streams}, n), got {pcm.dtype} {pcm.shape}")
    return pcm


def checked_kept(kept: Sequence[int], have: int, streams: int) -> list[int]:
    """The indices. Raises ValueError unless they are at most `streams` integers from 0 to `have` − 1."""
    if len(kept) > streams:
        raise ValueError(f"{len(kept)} streams are kept, the other engine has {streams}")
    for index in kept:
        if not 0 <= index < have:
            raise ValueError(f"there is no stream {index} to keep, of {have}")
    return list(kept)


def cpus() -> int:
    """How many CPUs an engine of this process may use, MAX_THREADS at most."""
    return min(machine.cpus(), MAX_THREADS)

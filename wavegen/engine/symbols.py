"""The part that the engines in C++ and CUDA share: they run symbols, a piece of a recording at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, ParamSpec, Protocol, TypeVar

import numpy as np

from wavegen.engine.base import NOT_FINITE, checked_pcm, checked_seeds, checked_temperature, checked_top_p
from wavegen.engine.conditions import Conditions, Queue, Vectors
from wavegen.errors import UserError
from wavegen.models.given import Given, check_given
from wavegen.models.model import Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

P = ParamSpec("P")
T = TypeVar("T")


class StreamState(NamedTuple):
    """The saved streams of engine cpu or cuda, for either; a row of each array is a stream."""

    network: NDArray[np.float32]
    codes: NDArray[np.int16]
    locations: NDArray[np.float64]  # of the last samples, where they do not follow from the codes
    last: NDArray[np.uint16]
    time: int
    conditions: tuple[Queue, ...] = ()  # of a model with conditions

    def over(self, other: StreamState, rows: list[int]) -> StreamState:
        """The state `other`, whose first streams are replaced by the streams `rows` of this one."""
        rest = len(rows)
        return StreamState(
            np.concatenate([self.network[rows], other.network[rest:]]),
            np.concatenate([self.codes[rows], other.codes[rest:]]),
            np.concatenate([self.locations[rows], other.locations[rest:]]),
            np.concatenate([self.last[rows], other.last[rest:]]),
            self.time,
            (*(self.conditions[row] for row in rows), *other.conditions[rest:]) if self.conditions else (),
        )


class _Running(Protocol):
    """The engine of an extension."""

    def generate(
        self,
        count: int,
        seeds: NDArray[np.uint64],
        temperature: float,
        top_p: float,
        exact: bool,
        conditions: Vectors | None = None,
        /,
    ) -> tuple[NDArray[np.uint16], NDArray[np.float64]]: ...

    def feed(self, symbols: NDArray[np.uint16], conditions: Vectors | None = None, /) -> NDArray[np.float64]: ...

    def save(
        self,
    ) -> tuple[NDArray[np.float32], NDArray[np.int16], NDArray[np.float64], NDArray[np.uint16], int]: ...

    def restore(
        self,
        network: NDArray[np.float32],
        codes: NDArray[np.int16],
        locations: NDArray[np.float64],
        last: NDArray[np.uint16],
        time: int,
        /,
    ) -> None: ...


class SymbolEngine:
    """Maps PCM to symbols and back around the engine of an extension, which a child opens.

    A child sets `streams`, `_native`, `_piece`, the steps of one call: an interrupt is noticed between two, and for a
    model with conditions `_conditions`.
    """

    streams: int
    _native: _Running
    _piece: int
    _conditions: Conditions | None = None

    def __init__(self, model: Model, precision: str):
        self.model = model
        self.precision = precision
        self._symbol_of_code = model.codec.encode(np.arange(-32768, 32768)).astype(np.uint16)
        self._code_of_symbol = model.codec.decode(np.arange(model.codec.num_symbols)).astype(np.int16)

    def condition(
        self,
        stream: int,
        speaker: str | None = None,
        frames: NDArray[np.floating] | None = None,
        ended: bool = True,
    ) -> None:
        if self._conditions is None:
            check_given(None, Given(speaker, frames))
        else:
            self._conditions.condition(stream, speaker, frames, ended)

    def generate(
        self,
        num_samples: int,
        seeds: Sequence[int],
        temperature: float = 1.0,
        top_p: float = 1.0,
        exact: bool = False,
    ) -> tuple[NDArray[np.int16], NDArray[np.float64]]:
        keys = checked_seeds(seeds, self.streams)
        temperature = checked_temperature(temperature)
        top_p = checked_top_p(top_p, self.model)
        pcm = np.empty((self.streams, num_samples), dtype=np.int16)
        log2_prob = np.empty((self.streams, num_samples))
        for piece in self._pieces(num_samples):
            count = piece.stop - piece.start
            how = (temperature, top_p, exact, self._next_vectors(count))
            symbols, log2_prob[:, piece] = self._call(self._native.generate, count, keys, *how)
            pcm[:, piece] = self._code_of_symbol[symbols]
        return pcm, log2_prob

    def feed(self, pcm: NDArray[np.int16]) -> NDArray[np.float64]:
        pcm = checked_pcm(pcm, self.streams)
        log2_prob = np.empty(pcm.shape)
        for piece in self._pieces(pcm.shape[1]):
            symbols = self._symbol_of_code[pcm[:, piece].astype(np.int32) + 32768]
            log2_prob[:, piece] = self._call(
                self._native.feed, np.ascontiguousarray(symbols), self._next_vectors(symbols.shape[1])
            )
        return log2_prob

    def save(self) -> StreamState:
        conditions = () if self._conditions is None else self._conditions.save()
        return StreamState(*self._call(self._native.save), conditions)

    def restore(self, state: object) -> None:
        if not isinstance(state, StreamState):
            raise TypeError("not a saved state of engine cpu or cuda")
        self._call(self._native.restore, state.network, state.codes, state.locations, state.last, state.time)
        if self._conditions is not None:
            self._conditions.restore(state.conditions)

    def _pieces(self, num_samples: int) -> list[slice]:
        """The samples of each call. Raises UserError if one needs frames that have not come."""
        if self._conditions is not None:
            self._conditions.check(num_samples)
        return [slice(start, min(start + self._piece, num_samples)) for start in range(0, num_samples, self._piece)]

    def _next_vectors(self, count: int) -> Vectors | None:
        return None if self._conditions is None else self._conditions.take(count)

    def _call(self, method: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(*args, **kwargs)
        except RuntimeError as error:
            if "not finite" in str(error):
                raise UserError(NOT_FINITE) from error
            raise

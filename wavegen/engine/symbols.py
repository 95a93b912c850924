"""The part that the engines in C++ and CUDA share: they run symbols, a piece of a recording at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, ParamSpec, Protocol, TypeVar

import numpy as np

from wavegen.engine.base import NOT_FINITE, checked_pcm, checked_seeds, checked_temperature, checked_top_p
from wavegen.errors import UserError
from wavegen.models.model import Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

P = ParamSpec("P")
T = TypeVar("T")


class StreamState(NamedTuple):
    """The saved streams of engine cpu or cuda, for either; a row of each array is a stream."""

    network: NDArray[np.float32]
    codes: NDArray[np.int16]
    last: NDArray[np.uint16]
    time: int

    def over(self, other: StreamState, rows: list[int]) -> StreamState:
        """The state `other`, whose first streams are replaced by the streams `rows` of this one."""
        rest = len(rows)
        return StreamState(
            np.concatenate([self.network[rows], other.network[rest:]]),
            np.concatenate([self.codes[rows], other.codes[rest:]]),
            np.concatenate([self.last[rows], other.last[rest:]]),
            self.time,
        )


class _Running(Protocol):
    """The engine of an extension."""

    def generate(
        self, count: int, seeds: NDArray[np.uint64], temperature: float, top_p: float, exact: bool, /
    ) -> tuple[NDArray[np.uint16], NDArray[np.float64]]: ...

    def feed(self, symbols: NDArray[np.uint16], /) -> NDArray[np.float64]: ...

    def save(self) -> tuple[NDArray[np.float32], NDArray[np.int16], NDArray[np.uint16], int]: ...

    def restore(
        self, network: NDArray[np.float32], codes: NDArray[np.int16], last: NDArray[np.uint16], time: int, /
    ) -> None: ...


class SymbolEngine:
    """Maps PCM to symbols and back around the engine of an extension, which a child opens.

    A child sets `streams`, `_native`, and `_piece`, the steps of one call: an interrupt is noticed between two.
    """

    streams: int
    _native: _Running
    _piece: int

    def __init__(self, model: Model, precision: str):
        self.model = model
        self.precision = precision
        self._symbol_of_code = model.codec.encode(np.arange(-32768, 32768)).astype(np.uint16)
        self._code_of_symbol = model.codec.decode(np.arange(model.codec.num_symbols)).astype(np.int16)

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
            symbols, log2_prob[:, piece] = self._call(self._native.generate, count, keys, temperature, top_p, exact)
            pcm[:, piece] = self._code_of_symbol[symbols]
        return pcm, log2_prob

    def feed(self, pcm: NDArray[np.int16]) -> NDArray[np.float64]:
        pcm = checked_pcm(pcm, self.streams)
        log2_prob = np.empty(pcm.shape)
        for piece in self._pieces(pcm.shape[1]):
            symbols = self._symbol_of_code[pcm[:, piece].astype(np.int32) + 32768]
            log2_prob[:, piece] = self._call(self._native.feed, np.ascontiguousarray(symbols))
        return log2_prob

    def save(self) -> StreamState:
        return StreamState(*self._call(self._native.save))

    def restore(self, state: object) -> None:
        if not isinstance(state, StreamState):
            raise TypeError("not a saved state of engine cpu or cuda")
        self._call(self._native.restore, *state)

    def _pieces(self, num_samples: int) -> list[slice]:
        return [slice(start, min(start + self._piece, num_samples)) for start in range(0, num_samples, self._piece)]

    def _call(self, method: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(*args, **kwargs)
        except RuntimeError as error:
            if "not finite" in str(error):
                raise UserError(NOT_FINITE) from error
            raise

"""What the engines in C++ and CUDA share: they run symbols, a piece of a recording at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wavegen.engine.base import NOT_FINITE, checked_pcm, checked_seeds, checked_temperature, checked_top_p
from wavegen.errors import UserError
from wavegen.models.model import Model


class SymbolEngine:
    """Maps PCM to symbols and back around `_native`, which a child opens, with `streams` and `_piece`.

    `_piece` is how many steps one call takes: an interrupt is noticed between two.
    """

    streams: int
    _native: Any
    _piece: int

    def __init__(self, model: Model, precision: str):
        self.model, self.precision = model, precision
        self._symbol_of_code = model.codec.encode(np.arange(-32768, 32768)).astype(np.uint16)
        self._code_of_symbol = model.codec.decode(np.arange(model.codec.num_symbols)).astype(np.int16)

    def generate(
        self,
        num_samples: int,
        seeds: Sequence[int],
        temperature: float = 1.0,
        top_p: float = 1.0,
        exact: bool = False,
    ) -> tuple[np.ndarray, np.ndarray]:
        keys, temperature = checked_seeds(seeds, self.streams), checked_temperature(temperature)
        top_p = checked_top_p(top_p, self.model)
        pcm = np.empty((self.streams, num_samples), dtype=np.int16)
        log2_prob = np.empty((self.streams, num_samples))
        for piece in self._pieces(num_samples):
            symbols, log2_prob[:, piece] = self._call(
                self._native.generate, piece.stop - piece.start, keys, temperature, top_p, exact
            )
            pcm[:, piece] = self._code_of_symbol[symbols]
        return pcm, log2_prob

    def feed(self, pcm: np.ndarray) -> np.ndarray:
        pcm = checked_pcm(pcm, self.streams)
        log2_prob = np.empty(pcm.shape)
        for piece in self._pieces(pcm.shape[1]):
            symbols = self._symbol_of_code[pcm[:, piece].astype(np.int32) + 32768]
            log2_prob[:, piece] = self._call(self._native.feed, np.ascontiguousarray(symbols))
        return log2_prob

    def save(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
        return self._native.save()

    def restore(self, state: tuple[np.ndarray, np.ndarray, np.ndarray, int]) -> None:
        self._native.restore(*state)

    def _pieces(self, num_samples: int) -> list[slice]:
        return [slice(start, min(start + self._piece, num_samples)) for start in range(0, num_samples, self._piece)]

    def _call(self, method: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return method(*arguments)
        except RuntimeError as error:
            if "not finite" in str(error):
                raise UserError(NOT_FINITE) from error
            raise

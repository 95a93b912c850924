"""PCM codes to symbols and back."""

from __future__ import annotations

from typing import Annotated, ClassVar, Protocol

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import ArrayLike

PCM_CODES = 65536


class Codec(Protocol):
    """PCM codes ⇄ symbols. A symbol is a cell of neighbouring codes, in ascending order; no cell is empty."""

    name: ClassVar[str]
    num_symbols: int
    codes_per_symbol: np.ndarray  # how many of the 65 536 PCM codes share each symbol, (num_symbols,) int64

    @property
    def silence(self) -> int:
        """The symbol of PCM code 0, the sample before the start of every file."""
        ...

    def encode(self, pcm: ArrayLike) -> np.ndarray:
        """PCM codes −32768…32767, any shape and integer dtype, to symbols, int64."""
        ...

    def decode(self, symbols: ArrayLike) -> np.ndarray:
        """Symbols, any shape, to the middle PCM code of their cells, int64."""
        ...


def middle_codes(codes_per_symbol: np.ndarray) -> np.ndarray:
    """The middle PCM code of each cell, (num_symbols,) int64, the upper one of two."""
    last = codes_per_symbol.cumsum() - 32769
    return last - (codes_per_symbol - 1) // 2


class MuLaw:
    """Mu-law companding of 16-bit PCM into at most 2^bits symbols, ITU-T G.711's curve with μ = 2^bits − 1.

    level = ⌊(sign(x) ln(1 + μ|x|) / ln(1 + μ) + 1) / 2 · μ + ½⌋ for x = pcm / 32768: it rounds, as
    torchaudio's `mu_law_encoding` does (libraries that floor differ by one level). Up to 9 bits a
    symbol is a level. From 10 bits on some levels around zero are narrower than one code; those that
    no code falls into are left out, so that 10, 11 and 12 bits make 985, 1713 and 2885 symbols.
    `decode` gives the middle code of the symbol's cell, so that encode(decode(s)) = s for every symbol.
    """

    name: ClassVar[str] = "mu-law"

    def __init__(self, *, bits: Annotated[int, Ge(8), Le(12)] = 8):
        self.bits = bits
        mu = 2**bits - 1
        x = np.arange(-32768, 32768) / 32768.0
        companded = np.sign(x) * np.log1p(mu * np.abs(x)) / np.log1p(mu)
        levels = np.floor((companded + 1) / 2 * mu + 0.5).astype(np.int64)
        _, symbols, counts = np.unique(levels, return_inverse=True, return_counts=True)
        self.num_symbols = len(counts)
        self._symbol_of_code = symbols.astype(np.int64)
        self.codes_per_symbol = counts.astype(np.int64)
        self._middle_code = middle_codes(self.codes_per_symbol)

    @property
    def silence(self) -> int:
        """The symbol of PCM code 0, the sample before the start of every file."""
        return int(self._symbol_of_code[32768])

    def encode(self, pcm: ArrayLike) -> np.ndarray:
        """PCM codes −32768…32767, any shape and integer dtype, to symbols, int64."""
        return self._symbol_of_code[np.asarray(pcm, np.int64) + 32768]

    def decode(self, symbols: ArrayLike) -> np.ndarray:
        """Symbols, any shape, to the middle PCM code of their cells, int64."""
        return self._middle_code[np.asarray(symbols, np.int64)]


class Linear:
    """The `bits` highest bits of each PCM code: symbol = ⌊(pcm + 32768) / 2^(16 − bits)⌋; all of it at 16 bits."""

    name: ClassVar[str] = "linear"

    def __init__(self, *, bits: Annotated[int, Ge(8), Le(16)] = 16):
        self.bits = bits
        self.num_symbols = 2**bits
        self.codes_per_symbol = np.full(self.num_symbols, PCM_CODES // self.num_symbols)
        self._middle_code = middle_codes(self.codes_per_symbol)

    @property
    def silence(self) -> int:
        """The symbol of PCM code 0, the sample before the start of every file."""
        return self.num_symbols // 2

    def encode(self, pcm: ArrayLike) -> np.ndarray:
        """PCM codes −32768…32767, any shape and integer dtype, to symbols, int64."""
        return (np.asarray(pcm, np.int64) + 32768) >> (16 - self.bits)

    def decode(self, symbols: ArrayLike) -> np.ndarray:
        """Symbols, any shape, to the middle PCM code of their cells (the upper one of two), int64."""
        return self._middle_code[np.asarray(symbols, np.int64)]


CODECS: dict[str, type[MuLaw] | type[Linear]] = {codec.name: codec for codec in (MuLaw, Linear)}

"""PCM codes to symbols and back."""

from __future__ import annotations

from typing import Annotated, ClassVar, Protocol

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

PCM_CODES = 65536


class Codec(Protocol):
    """PCM codes ⇄ symbols. Symbols stand for cells of neighbouring codes, in ascending order; no cell is empty."""

    name: ClassVar[str]
    num_symbols: int
    codes_per_symbol: Tensor  # how many of the 65 536 PCM codes share each symbol, (num_symbols,) int64

    @property
    def silence(self) -> int: ...

    def encode(self, pcm: Tensor) -> Tensor: ...

    def decode(self, symbols: Tensor) -> Tensor: ...


def middle_codes(codes_per_symbol: Tensor) -> Tensor:
    """The middle PCM code of each cell, (num_symbols,) int64, the upper one of two."""
    last = codes_per_symbol.cumsum(0) - 32769
    return last - torch.div(codes_per_symbol - 1, 2, rounding_mode="floor")


class MuLaw:
    """Mu-law companding of 16-bit PCM into at most 2^bits symbols, ITU-T G.711's curve with μ = 2^bits − 1.

    level = ⌊(sign(x) ln(1 + μ|x|) / ln(1 + μ) + 1) / 2 · μ + ½⌋ for x = pcm / 32768: it rounds, as
    torchaudio's `mu_law_encoding` does (libraries that floor differ by one level). Up to 9 bits a
    symbol is a level. From 10 bits on some levels around zero are narrower than one code; those that
    no code falls into are left out, so that 10, 11 and 12 bits make 985, 1713 and 2885 symbols.
    `decode` gives the middle code of the symbol's cell, so that encode(decode(s)) = s for every symbol.
    """

    name: ClassVar[str] = "mu-law"

    def __init__(self, *, bits: Annotated[int, Field(ge=8, le=12)] = 8):
        self.bits = bits
        mu = 2**bits - 1
        x = np.arange(-32768, 32768) / 32768.0
        companded = np.sign(x) * np.log1p(mu * np.abs(x)) / np.log1p(mu)
        levels = np.floor((companded + 1) / 2 * mu + 0.5).astype(np.int64)
        _, symbols, counts = np.unique(levels, return_inverse=True, return_counts=True)
        self.num_symbols = len(counts)
        self._symbol_of_code = torch.from_numpy(symbols.astype(np.int64))
        self.codes_per_symbol = torch.from_numpy(counts.astype(np.int64))
        self._middle_code = middle_codes(self.codes_per_symbol)

    @property
    def silence(self) -> int:
        """The symbol of PCM code 0, which every file is taken to be preceded by."""
        return int(self._symbol_of_code[32768])

    def encode(self, pcm: Tensor) -> Tensor:
        """PCM codes −32768…32767, any shape and integer dtype, to symbols, int64."""
        return self._symbol_of_code.to(pcm.device)[pcm.long() + 32768]

    def decode(self, symbols: Tensor) -> Tensor:
        """Symbols, any shape, to the middle PCM code of their cells, int64."""
        return self._middle_code.to(symbols.device)[symbols.long()]


class Linear:
    """The `bits` highest bits of each PCM code: symbol = ⌊(pcm + 32768) / 2^(16 − bits)⌋; all of it at 16 bits."""

    name: ClassVar[str] = "linear"

    def __init__(self, *, bits: Annotated[int, Field(ge=8, le=16)] = 16):
        self.bits = bits
        self.num_symbols = 2**bits
        self.codes_per_symbol = torch.full((self.num_symbols,), PCM_CODES // self.num_symbols, device="cpu")
        self._middle_code = middle_codes(self.codes_per_symbol)

    @property
    def silence(self) -> int:
        """The symbol of PCM code 0, which every file is taken to be preceded by."""
        return self.num_symbols // 2

    def encode(self, pcm: Tensor) -> Tensor:
        """PCM codes −32768…32767, any shape and integer dtype, to symbols, int64."""
        return (pcm.long() + 32768) >> (16 - self.bits)

    def decode(self, symbols: Tensor) -> Tensor:
        """Symbols, any shape, to the middle PCM code of their cells (the upper one of two), int64."""
        return self._middle_code.to(symbols.device)[symbols.long()]


CODECS = {codec.name: codec for codec in (MuLaw, Linear)}

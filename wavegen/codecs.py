"""PCM codes to symbols and back."""

from __future__ import annotations

from typing import Annotated, ClassVar, Protocol

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

PCM_CODES = 65536


class Codec(Protocol):
    """PCM codes ⇄ symbols. Every symbol stands for a cell of codes, and `codes_per_symbol` says how many."""

    name: ClassVar[str]
    num_symbols: int
    codes_per_symbol: Tensor  # how many of the 65 536 PCM codes share each symbol, (num_symbols,) int64

    @property
    def silence(self) -> int: ...

    def encode(self, pcm: Tensor) -> Tensor: ...

    def decode(self, symbols: Tensor) -> Tensor: ...


class MuLaw:
    """Mu-law companding of 16-bit PCM into 2^bits symbols, ITU-T G.711's curve with μ = 2^bits − 1.

    symbol = ⌊(sign(x) ln(1 + μ|x|) / ln(1 + μ) + 1) / 2 · μ + ½⌋ for x = pcm / 32768: it rounds, as
    torchaudio's `mu_law_encoding` does (libraries that floor differ by one symbol). `decode` gives
    the middle code of the symbol's cell, so that encode(decode(s)) = s for every symbol. From 10 bits
    on the cells around zero would be narrower than one code and some symbols would have none.
    """

    name: ClassVar[str] = "mu-law"

    def __init__(self, *, bits: Annotated[int, Field(ge=8, le=9)] = 8):
        self.bits = bits
        self.num_symbols = 2**bits
        mu = self.num_symbols - 1
        x = np.arange(-32768, 32768) / 32768.0
        companded = np.sign(x) * np.log1p(mu * np.abs(x)) / np.log1p(mu)
        self._symbol_of_code = torch.from_numpy(np.floor((companded + 1) / 2 * mu + 0.5).astype(np.int64))
        self.codes_per_symbol = torch.bincount(self._symbol_of_code, minlength=self.num_symbols)
        last = self.codes_per_symbol.cumsum(0) - 32769
        self._middle_code = last - torch.div(self.codes_per_symbol - 1, 2, rounding_mode="floor")

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


CODECS = {codec.name: codec for codec in (MuLaw,)}

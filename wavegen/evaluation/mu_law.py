"""Bits per mu-law symbol, the unit of papers whose data are 256 levels, and whether a corpus is of such levels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wavegen.models.codecs import Codec, MuLaw

if TYPE_CHECKING:
    from numpy.typing import NDArray


def bits_per_symbol(codec: Codec, bits: float, codes: NDArray[np.int64]) -> float:
    """−(1/N) Σ log2 P(symbol), from the `bits` of N samples whose codes are counted in `codes`, (65536,), −32768 first.

    A code has p(pcm) = P(symbol) / codes(symbol), the uniform share included, so that −log2 P(symbol) is
    −log2 p(pcm) − log2 codes(symbol). It is comparable only among models with the same symbols.
    """
    symbols = codec.encode(np.arange(-32768, 32768))
    spread = np.log2(codec.codes_per_symbol[symbols])
    return float((bits - codes @ spread) / codes.sum())


def is_mu_law(codes: NDArray[np.int64]) -> bool:
    """Whether the codes that occur, counted in (65536,), are all among the 256 of G.711's decoder, or of `MuLaw(8)`."""
    codec = MuLaw(bits=8)
    levels = (g711_codes(), codec.decode(np.arange(codec.num_symbols)))
    return any(codes.sum() == codes[np.unique(values + 32768)].sum() for values in levels)


def g711_codes() -> NDArray[np.int64]:
    """The output codes of G.711's mu-law decoder: ±(((2m + 33) << e) − 33) · 4, eight e and sixteen m."""
    exponent, mantissa = np.divmod(np.arange(128), 16)
    magnitude = (((2 * mantissa + 33) << exponent) - 33) * 4
    return np.concatenate([-magnitude, magnitude]).astype(np.int64)

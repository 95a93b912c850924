"""The inputs of a network: a learned embedding of the codec's symbols, or amplitudes of a codec with many."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from wavegen.models.codecs import PCM_CODES, Codec

EMBEDDING_CHANNELS = 32
MAX_EMBEDDINGS = 512  # symbols; a codec with more has amplitudes
AMPLITUDE_CHANNELS = 2

# |code| whose log1p in float32 models were trained with an ulp above, or below, the nearest float32: the results of
# torch's vectorised log1p, which the numeric contract keeps. All others are float64's rounded once, with a margin of
# thousands of float64's ulps, so that they do not depend on the machine's library.
_ABOVE = (
    *(14, 228, 1261, 2810, 2856, 5384, 5506, 5612, 5754, 11854, 11867, 12643, 18777, 18799, 22775, 22992),
    *(23345, 23683, 23832, 23944, 24029, 24193),
)
_BELOW = (692, 822, 3248, 6036, 12601, 13606, 26644, 27433)


@cache
def companded() -> np.ndarray:
    """2 sign(x) ln(1 + 255 |x|) / ln 256, x = code / 32768, of every PCM code: from −2 to 2.

    Returns (65536,) float32, read-only, by code + 32768.
    """
    logs = np.log1p(255 * np.arange(PCM_CODES // 2 + 1) / 32768).astype(np.float32)
    logs[[*_ABOVE]] = np.nextafter(logs[[*_ABOVE]], np.float32(np.inf))
    logs[[*_BELOW]] = np.nextafter(logs[[*_BELOW]], np.float32(0))
    loudness = np.float32(2) * logs / np.float32(math.log(256))
    table = np.concatenate([-loudness[:0:-1], loudness[:-1]])
    table.flags.writeable = False
    return table


def symbol_channels(codec: Codec) -> int:
    """How many input channels each symbol has."""
    return EMBEDDING_CHANNELS if codec.num_symbols <= MAX_EMBEDDINGS else AMPLITUDE_CHANNELS


def amplitudes(codec: Codec) -> np.ndarray:
    """The middle code of each symbol's cell, / 4096 and companded, (num_symbols, 2) float32."""
    middle = codec.decode(np.arange(codec.num_symbols))
    return np.stack([middle.astype(np.float32) / np.float32(4096), companded()[middle + PCM_CODES // 2]], axis=1)

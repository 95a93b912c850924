"""How a network hears a codec's symbols: by an embedding that it learns, or as amplitudes where they are too many."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from wavegen.models.codecs import PCM_CODES, Codec

EMBEDDING_CHANNELS = 32
MOST_EMBEDDINGS = 512  # symbols; more of them are heard as amplitudes
AMPLITUDE_CHANNELS = 2

# |code| whose log1p in float32 models were trained with an ulp above, or below, the nearest float32: what torch's
# vectorised log1p gives, which the numeric contract keeps. All others are float64's rounded once, with a margin of
# thousands of float64's ulps, so that they do not depend on the machine's library.
_ABOVE = (
    *(14, 228, 1261, 2810, 2856, 5384, 5506, 5612, 5754, 11854, 11867, 12643, 18777, 18799, 22775, 22992),
    *(23345, 23683, 23832, 23944, 24029, 24193),
)
_BELOW = (692, 822, 3248, 6036, 12601, 13606, 26644, 27433)


@cache
def companded() -> np.ndarray:
    """2 sign(x) ln(1 + 255 |x|) / ln 256, x = code / 32768, of every PCM code: how loud it is, from −2 to 2.

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
    """How many numbers a network hears of each symbol."""
    return EMBEDDING_CHANNELS if codec.num_symbols <= MOST_EMBEDDINGS else AMPLITUDE_CHANNELS


def amplitudes(codec: Codec) -> np.ndarray:
    """What is heard of each symbol, (num_symbols, 2) float32: the middle of its cell / 4096, and that companded."""
    middle = codec.decode(np.arange(codec.num_symbols))
    return np.stack([middle.astype(np.float32) / np.float32(4096), companded()[middle + PCM_CODES // 2]], axis=1)

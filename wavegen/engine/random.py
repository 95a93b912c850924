"""Random words as a pure function of seed, time, draw and channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
TOTAL = 2**30  # counts of a distribution; all but one for each of the 65 536 PCM codes are the model's: see
# csrc/distributions/tables.h
MODEL_SHARE = TOTAL - 2**16


def philox(counter: NDArray[np.unsignedinteger], key: tuple[int, int]) -> NDArray[np.uint32]:
    """Philox4x32-10: counter (4, …) uint32 and a key of two 32-bit words to four random words, (4, …) uint32.

    Salmon et al. (2011), "Parallel random numbers: as easy as 1, 2, 3", section 3.4.
    """
    c0, c1, c2, c3 = counter.astype(np.uint64)
    key_low, key_high = key
    for _ in range(10):
        first, second = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        c0 = (second >> _HALF) ^ c1 ^ np.uint64(key_low)
        c1 = second & _LOW
        c2 = (first >> _HALF) ^ c3 ^ np.uint64(key_high)
        c3 = first & _LOW
        key_low, key_high = (key_low + _KEY_STEPS[0]) & 0xFFFFFFFF, (key_high + _KEY_STEPS[1]) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3]).astype(np.uint32)


def words(seed: int, start: int, count: int, draw: int = 0, channel: int = 0) -> NDArray[np.uint32]:
    """The random words of samples start … start + count − 1 of a stream, (count,) uint32.

    The key is the 64-bit seed, the counter (time low, time high, draw, channel); of the four words
    that Philox gives, the first is used.
    """
    time = np.uint64(start) + np.arange(count, dtype=np.uint64)
    rest = [np.full(count, value, dtype=np.uint64) for value in (draw, channel)]
    counter = np.stack([time & _LOW, time >> _HALF, *rest])
    return philox(counter, (seed & 0xFFFFFFFF, seed >> 32))[0]


def uniforms(random: NDArray[np.uint32], exact: bool) -> NDArray[np.float64]:
    """The number in [0, 1) at which each random word, of any shape, is looked up in a cumulative distribution.

    With u = ⌊word / 4⌋, `exact` draws, which are from the density that is scored, are at u / 2³⁰. Draws without the
    uniform share take the count ⌊u · M / 2³⁰⌋ of the model's M = 2³⁰ − 2¹⁶, as the C++ engine does, at the middle of
    that count: at its edge, count 0 would lie below every mass that float64 can tell from zero.
    """
    u = random.astype(np.int64) >> 2
    return u / TOTAL if exact else ((u * MODEL_SHARE >> 30) + 0.5) / MODEL_SHARE

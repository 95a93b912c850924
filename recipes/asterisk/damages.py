"""Damages of recordings: clicks, dropouts, clipping, hum and time that runs backwards."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

CLICKS, CLICK = 4, 8000  # a second; PCM codes added to or taken from one sample
DROPOUTS, DROPOUT = 2, 0.02  # a second; seconds of zeros each
CLIP = 0.3  # of the excerpt's own peak
HUM_HERTZ, HUM = 50, 200  # amplitude in PCM codes: 44 dB below full scale


def clicks(pcm: np.ndarray, rate: int, random: np.random.Generator) -> np.ndarray:
    """4 single samples a second move by 8000 codes up or down."""
    clicked_samples = random.integers(len(pcm), size=round(CLICKS * len(pcm) / rate))
    clicked = pcm.astype(np.int64)
    clicked[clicked_samples] += random.choice([-CLICK, CLICK], size=len(clicked_samples))
    return _as_pcm(clicked)


def dropouts(pcm: np.ndarray, rate: int, random: np.random.Generator) -> np.ndarray:
    """2 stretches a second of 20 ms become zeros."""
    length = round(DROPOUT * rate)
    dropped = pcm.copy()
    for start in random.integers(max(1, len(pcm) - length), size=round(DROPOUTS * len(pcm) / rate)):
        dropped[start : start + length] = 0
    return dropped


def clipping(pcm: np.ndarray, rate: int, random: np.random.Generator) -> np.ndarray:
    """Clips at 0.3 of the excerpt's peak."""
    limit = int(CLIP * np.abs(pcm.astype(np.int64)).max())
    return np.clip(pcm, -limit, limit)


def hum(pcm: np.ndarray, rate: int, random: np.random.Generator) -> np.ndarray:
    """A sine of 50 Hz and 200 codes, of random phase, is added."""
    angle = 2 * np.pi * (HUM_HERTZ * np.arange(len(pcm)) / rate + random.random())
    return _as_pcm(pcm + np.rint(HUM * np.sin(angle)))


def reversal(pcm: np.ndarray, rate: int, random: np.random.Generator) -> np.ndarray:
    """Time runs backwards."""
    return pcm[::-1].copy()


def _as_pcm(values: np.ndarray) -> np.ndarray:
    return np.clip(values, -32768, 32767).astype(np.int16)


Damage = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]
DAMAGES: dict[str, Damage] = {each.__name__: each for each in (clicks, dropouts, clipping, hum, reversal)}

"""Bits per sample over files, with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wavegen.constants import DIGITS

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESAMPLES = 2000  # of the bootstrap
SEED = 0  # of the bootstrap, so that a report can be made again


def bootstrap_interval(bits: NDArray[np.float64], samples: NDArray[np.integer]) -> tuple[float | None, float | None]:
    """The 95 % bootstrap interval of Σ bits / Σ samples over files drawn with replacement; None for one file.

    Both arguments are (files,). Given the difference of two models' bits, file by file, it is the paired interval of
    their difference.
    """
    if len(bits) < 2:
        return None, None
    random, rates = np.random.default_rng(SEED), []
    at_once = max(1, 2**22 // len(bits))
    for start in range(0, RESAMPLES, at_once):
        drawn = random.integers(len(bits), size=(min(at_once, RESAMPLES - start), len(bits)))
        rates.append(bits[drawn].sum(axis=1) / samples[drawn].sum(axis=1))
    low, high = np.percentile(np.concatenate(rates), [2.5, 97.5])
    return float(low), float(high)


def estimate(bits: NDArray[np.float64], samples: NDArray[np.integer]) -> dict[str, float | None]:
    """Σ bits / Σ samples of (files,) each, and its interval, as reports give them."""
    low, high = bootstrap_interval(bits, samples)
    estimate = {"bits_per_sample": float(bits.sum() / samples.sum()), "low": low, "high": high}
    return {key: None if value is None else round(value, DIGITS) for key, value in estimate.items()}

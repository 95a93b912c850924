"""Means over files, with bootstrap intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wavegen.constants import DIGITS
from wavegen.evaluation.results import BitsPerSample

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESAMPLES = 2000  # of the bootstrap
SEED = 0  # of the bootstrap, so that a report can be made again


class Estimate(NamedTuple):
    """A mean with its 95 % interval, None for one file."""

    mean: float
    low: float | None
    high: float | None

    def bits(self) -> BitsPerSample:
        """The estimate of a number of bits per sample, as JSON, rounded."""
        return {"bits_per_sample": round(self.mean, DIGITS), "low": rounded(self.low), "high": rounded(self.high)}


def rounded(end: float | None) -> float | None:
    """An end of an interval as reports give it."""
    return None if end is None else round(end, DIGITS)


def bootstrap_interval(
    totals: NDArray[np.float64], sizes: NDArray[np.integer]
) -> tuple[float, float] | tuple[None, None]:
    """The 95 % bootstrap interval of Σ totals / Σ sizes over files drawn with replacement; None for one file.

    Both arguments are (files,). Given the difference of two models' bits, file by file, it is the paired interval of
    their difference.
    """
    if len(totals) < 2:
        return None, None
    random = np.random.default_rng(SEED)
    rates: list[NDArray[np.float64]] = []
    at_once = max(1, 2**22 // len(totals))
    for start in range(0, RESAMPLES, at_once):
        drawn = random.integers(len(totals), size=(min(at_once, RESAMPLES - start), len(totals)))
        rates.append(totals[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
    low, high = np.percentile(np.concatenate(rates), [2.5, 97.5])
    return float(low), float(high)


def estimate(totals: NDArray[np.float64], sizes: NDArray[np.integer]) -> Estimate:
    """Σ totals / Σ sizes of (files,) each, with its interval."""
    return Estimate(float(totals.sum() / sizes.sum()), *bootstrap_interval(totals, sizes))

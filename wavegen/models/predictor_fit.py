"""Least squares over samples drawn from recordings, from which predictors start."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wavegen.models.spectral_filters import error_a_period_before

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wavegen.models.spectral_filters import SpectralFilters

FIT_SAMPLES = 300_000  # of all recordings together


class Drawn(NamedTuple):
    """Samples of a recording: their indices (n,), the samples before them (n, taps), the newest first, and theirs."""

    indices: NDArray[np.int64]
    history: NDArray[np.float64]
    samples: NDArray[np.float64]


def drawn(recordings: Sequence[NDArray[np.int16]], taps: int, seed: int = 0) -> Iterator[Drawn | None]:
    """Samples drawn from each recording, in proportion to its length; None for one that is not longer than `taps`."""
    random = np.random.default_rng(seed)
    share = FIT_SAMPLES / max(1, sum(map(len, recordings)))
    for pcm in recordings:
        starts = len(pcm) - taps
        if starts < 1:
            yield None
            continue
        draws = random.integers(starts, size=min(starts, 1 + int(share * len(pcm))))
        rows = np.lib.stride_tricks.sliding_window_view(pcm, taps + 1)[draws].astype(np.float64)
        yield Drawn(draws + taps, rows[:, -2::-1], rows[:, -1])


def least_squares(found: Iterable[Drawn | None], taps: int) -> NDArray[np.float64] | None:
    """The filter, (taps,), with the least mean square of errors; None without samples that are not silent.

    Samples are weighted by one over the squared mean difference of neighbours there; otherwise loud passages alone
    would decide.
    """
    square = np.zeros((taps, taps))
    product = np.zeros(taps)
    for one in found:
        if one is None:
            continue
        history = one.history
        weight = 1 / (10 + np.abs(np.diff(history, axis=1, append=history[:, -1:])).mean(axis=1)) ** 2
        square += (history * weight[:, None]).T @ history
        product += (history * weight[:, None]).T @ one.samples
    if (size := np.trace(square)) <= 0:
        return None
    return np.linalg.solve(square + np.eye(taps) * 1e-6 * size / taps, product)


def error_of_filter(found: Iterable[Drawn | None], weights: NDArray[np.floating]) -> float | None:
    """The root mean square of the errors of one filter, in codes; None without samples."""
    errors = [one.samples - one.history @ weights for one in found if one is not None]
    return _root_mean_square(errors)


def error_in_units(
    found: Iterable[Drawn | None], filters: SpectralFilters, frames: Iterable[NDArray[np.float32]], hop: int
) -> float | None:
    """The root mean square of the errors of frames' filters, each in its own expected error; None without samples."""
    errors = _in_units(found, filters, frames, hop)
    return _root_mean_square([error - filters.pitch_gain * before for error, before in errors])


def least_squares_pitch_gain(
    found: Iterable[Drawn | None], filters: SpectralFilters, frames: Iterable[NDArray[np.float32]], hop: int
) -> float:
    """The share of a filter's error that comes again after a period, by least squares in units; 0 without voice."""
    product = 0.0
    square = 0.0
    for error, before in _in_units(found, filters, frames, hop):
        product += float(error @ before)
        square += float(before @ before)
    return product / square if square > 0 else 0.0


def _in_units(
    found: Iterable[Drawn | None], filters: SpectralFilters, frames: Iterable[NDArray[np.float32]], hop: int
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """The errors that frames' filters make, and those one period before, each in the filter's expected error, (n,)."""
    for one, of_recording in zip(found, frames, strict=False):  # a model may be fitted to frames alone
        if one is None:
            continue
        told = of_recording[np.minimum(one.indices // hop, len(of_recording) - 1)]
        taps, error = filters.solved(told)
        expected = np.einsum("ni,in->n", one.history[:, : filters.order], taps)
        unit = np.sqrt(np.maximum(error, np.finfo(np.float64).tiny))
        before = np.zeros_like(unit)
        if filters.max_lag:
            before = error_a_period_before(one.history, taps, filters.lags(told))
        yield (one.samples - expected) / unit, before / unit


def _root_mean_square(errors: Sequence[NDArray[np.float64]]) -> float | None:
    together = np.concatenate(errors) if errors else np.zeros(0)
    return float(np.sqrt(np.mean(together**2))) if len(together) else None

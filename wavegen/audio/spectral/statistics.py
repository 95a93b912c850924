"""Mean and deviation of each mel band, by which some toolkits normalise their spectrograms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wavegen.audio.spectral.arrays import arrays_in
from wavegen.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMS = "an array of (2, bands), mean and deviation; mean and scale; or count, sum and sum_square"


@dataclass(frozen=True, eq=False)
class Statistics:
    """A normalised band is (band − mean) / scale; both are (bands,) float64."""

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    def normalised(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """Bands, (frames, bands), of mean 0 and deviation 1 over the recordings that the statistics are of."""
        return ((values - self.mean) / self.scale).astype(np.float32)

    def restored(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """The values before normalisation, (frames, bands)."""
        return (values * self.scale + self.mean).astype(np.float32)


def read_statistics(path: str | Path, bands: int) -> Statistics:
    """The statistics in a file.

    ParallelWaveGAN's compute_statistics.py writes stats.h5 with `mean` and `scale`, or stats.npy of (2, bands);
    ESPnet 2 writes feats_stats.npz with `count`, `sum` and `sum_square`. Raises UserError for all else, and for other
    bands.
    """
    path = Path(path)
    arrays = arrays_in(path)
    found = _of(arrays)
    if found is None:
        raise UserError(f"{path}: holds no mean and deviation of mel bands; known are {FORMS}")
    mean, scale = (np.asarray(each, np.float64).reshape(-1) for each in found)
    if len(mean) != bands or len(scale) != bands:
        raise UserError(f"{path}: is of {len(mean)} bands, and the mel spectrogram has {bands}")
    if not (np.isfinite(mean).all() and np.isfinite(scale).all() and (scale > 0).all()):
        raise UserError(f"{path}: has numbers that are not finite, or deviations of zero or less; make it again")
    return Statistics(mean, scale)


def _of(arrays: Mapping[str, NDArray[Any]]) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Mean and deviation, of any shape."""
    if not all(np.issubdtype(each.dtype, np.number) for each in arrays.values()):
        return None
    if {"mean", "scale"} <= arrays.keys():
        return arrays["mean"], arrays["scale"]
    if {"count", "sum", "sum_square"} <= arrays.keys():
        with np.errstate(all="ignore"):  # what is not finite is refused
            mean = arrays["sum"] / arrays["count"]
            return mean, np.sqrt(np.maximum(arrays["sum_square"] / arrays["count"] - mean**2, 0))
    (only, *others) = arrays.values() if arrays else (np.empty(0),)
    return (only[0], only[1]) if not others and only.ndim == 2 and len(only) == 2 else None

"""Every pixel for itself: what a model needs that knows where things are and nothing of how they belong together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wavegen.constants import UNIFORM_SHARE
from wavegen.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wavegen.models.forms import PictureForm


@dataclass(frozen=True)
class PixelHistograms:
    """A histogram of levels for each dimension, from the training pictures; no dimension tells of another.

    P(x_d = k) = (1 − 2⁻¹⁴) count_d(k) / pictures + 2⁻¹⁴ / levels; of binary pictures, independent Bernoullis.
    """

    name: str = "pixel histograms"

    def missing(self) -> None:
        return None

    def bits(
        self,
        pcms: Sequence[NDArray[np.int16]],
        form: PictureForm,
        training_recordings: Iterable[NDArray[np.int16]],
        progress: str | None = None,
    ) -> NDArray[np.float64]:
        """−Σ_d log2 P of each of `pcms`, (dimensions,) int16 each, as (pictures,) float64. Raises UserError."""
        counts, places = np.zeros((form.dimensions, form.levels)), np.arange(form.dimensions)
        for picture in training_recordings:
            counts[places, picture] += 1
        if not counts.any():
            raise UserError("there are no training pictures to count")
        observed = counts / counts[0].sum()
        log2_prob = np.log2((1 - UNIFORM_SHARE) * observed + UNIFORM_SHARE / form.levels)
        return np.array([-log2_prob[places, picture].sum() for picture in pcms], np.float64)

"""Independent pixels: a model of the level of each dimension, and of no dependence between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wavegen.constants import UNIFORM_SHARE
from wavegen.errors import UserError
from wavegen.evaluation.baselines.base import Recordings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wavegen.models.forms import PictureForm


@dataclass(frozen=True)
class PixelHistograms:
    """A histogram of levels for each dimension, from the training pictures; the dimensions are independent.

    P(x_d = k) = (1 − 2⁻¹⁴) count_d(k) / pictures + 2⁻¹⁴ / levels; of binary pictures, independent Bernoullis.
    """

    name: str = "pixel histograms"

    def bits(
        self, pictures: Sequence[NDArray[np.int16]], form: PictureForm, training: Recordings
    ) -> NDArray[np.float64]:
        """−Σ_d log2 P of each picture.

        Args:
            pictures: (dimensions,) int16 each.
            form: of all pictures.
            training: the training pictures. Raises UserError if there is none.

        Returns:
            (pictures,) float64.
        """
        counts = np.zeros((form.dimensions, form.levels))
        dimensions = np.arange(form.dimensions)
        for picture in training:
            counts[dimensions, picture] += 1
        if not counts.any():
            raise UserError("there are no training pictures to count")
        observed = counts / counts[0].sum()
        log2_prob = np.log2((1 - UNIFORM_SHARE) * observed + UNIFORM_SHARE / form.levels)
        return np.array([-log2_prob[dimensions, picture].sum() for picture in pictures], np.float64)

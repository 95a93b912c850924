"""The training split's histogram: a model without memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wavegen.audio.files import count_codes
from wavegen.constants import UNIFORM_SHARE
from wavegen.errors import UserError
from wavegen.evaluation.baselines.base import Coder, Recordings
from wavegen.models.codecs import PCM_CODES

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Histogram:
    """Samples taken as independent draws from the code histogram of the training split.

    P(code) = (1 − 2⁻¹⁴) count(code) / total + 2⁻¹⁴ / 65536; `log2_prob` is (65536,) float64, code −32768 first.
    """

    log2_prob: NDArray[np.float64]

    @classmethod
    def fit(cls, recordings: Recordings) -> Histogram:
        """The histogram of `recordings`, each (samples,) int16. Raises UserError if they hold no sample."""
        counts = sum((count_codes(pcm) for pcm in recordings), start=np.zeros(PCM_CODES, np.int64))
        if not counts.any():
            raise UserError("there are no training files to count")
        observed = counts / counts.sum()
        return cls(np.log2((1 - UNIFORM_SHARE) * observed + UNIFORM_SHARE / PCM_CODES))

    def bits(self, pcm: NDArray[np.int16]) -> float:
        """−Σ log2 P over `pcm`, (samples,) int16."""
        return -float(count_codes(pcm) @ self.log2_prob)


def training_histogram(sample_rate: int, training: Recordings) -> Coder:
    """Codes each file by the histogram of the training recordings. Raises UserError if they hold no sample."""
    return Histogram.fit(training).bits

"""The training split's histogram: what a model without memory needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wavegen.audio.files import count_codes
from wavegen.constants import UNIFORM_SHARE
from wavegen.errors import UserError
from wavegen.models.codecs import PCM_CODES

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Histogram:
    """Samples taken as independent draws from the code histogram of the training split.

    P(code) = (1 − 2⁻¹⁴) count(code) / total + 2⁻¹⁴ / 65536; `log2_prob` is (65536,) float64, code −32768 first.
    """

    log2_prob: np.ndarray

    @classmethod
    def fit(cls, recordings: Iterable[np.ndarray]) -> Histogram:
        """The histogram of `recordings`, each (samples,) int16. Raises UserError if they hold no sample."""
        counts = sum((count_codes(pcm) for pcm in recordings), start=np.zeros(PCM_CODES, np.int64))
        if not counts.any():
            raise UserError("there are no training files to count")
        observed = counts / counts.sum()
        return cls(np.log2((1 - UNIFORM_SHARE) * observed + UNIFORM_SHARE / PCM_CODES))

    def bits(self, pcm: np.ndarray) -> float:
        """−Σ log2 P over `pcm`, (samples,) int16."""
        return -float(count_codes(pcm) @ self.log2_prob)


@dataclass(frozen=True)
class TrainingHistogram:
    """The histogram as a baseline: fitted to the training recordings, then applied to each file."""

    name: str = "training histogram"

    def missing(self) -> None:
        return None

    def bits(
        self,
        pcms: Sequence[NDArray[np.int16]],
        sample_rate: int,
        training_recordings: Iterable[NDArray[np.int16]],
        progress: str | None = None,
    ) -> NDArray[np.float64]:
        histogram = Histogram.fit(training_recordings)
        return np.array([histogram.bits(pcm) for pcm in pcms], np.float64)

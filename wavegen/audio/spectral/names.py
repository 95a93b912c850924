"""The names of the conventions by which toolkits make mel spectrograms, and the range of F0."""

from __future__ import annotations

import math
import typing
from typing import Literal

Convention = Literal["librosa", "parallel-wavegan", "hifigan", "tacotron2", "r9y9"]
CONVENTIONS: tuple[str, ...] = typing.get_args(Convention)
LOWEST_F0, HIGHEST_F0 = 60.0, 500.0  # Hz: speech of men to children
ALIASES: dict[str, Convention] = {"espnet": "parallel-wavegan"}


def longest_period(sample_rate: int) -> int:
    """Samples of the longest period of F0 at a sample rate in Hz."""
    return math.ceil(sample_rate / LOWEST_F0)

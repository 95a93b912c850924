"""Output distributions by their settings: how many parameters they take, and the constants that go with them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Le

MAX_CATEGORIES = 4096
SCALE_OFFSETS = (2.0, 2000.0)  # scales of an untrained mixture, in PCM codes: from silence to loud speech
MIN_SCALE, MAX_SCALE = 1e-3, 1e5  # of a component, in PCM codes
MAX_MIXTURES = 64


@dataclass(frozen=True)
class DistributionConfig(ABC):
    """A distribution over `num_symbols` symbols; the settings are keyword-only."""

    name: ClassVar[str]  # in a recipe
    takes_location: ClassVar[bool]
    takes_top_p: ClassVar[bool]

    num_symbols: int

    @property
    @abstractmethod
    def num_params(self) -> int:
        """How many parameters the distribution of one sample has."""

    @property
    @abstractmethod
    def log_scale_offsets(self) -> np.ndarray:
        """The offset of each component's log scale, (num_mixtures,) float32; empty for a categorical distribution."""


@dataclass(frozen=True)
class CategoricalConfig(DistributionConfig):
    """One free logit a symbol. Raises ValueError for more than MAX_CATEGORIES symbols."""

    name: ClassVar[str] = "categorical"
    takes_location: ClassVar[bool] = False
    takes_top_p: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.num_symbols > MAX_CATEGORIES:
            raise ValueError(f"a categorical distribution takes at most {MAX_CATEGORIES} symbols")

    @property
    def num_params(self) -> int:
        return self.num_symbols

    @property
    def log_scale_offsets(self) -> np.ndarray:
        return np.zeros(0, np.float32)


@dataclass(frozen=True)
class MixtureConfig(DistributionConfig):
    """Weight, location and scale of each component."""

    takes_location: ClassVar[bool] = True
    takes_top_p: ClassVar[bool] = False

    _: KW_ONLY
    num_mixtures: Annotated[int, Ge(1), Le(MAX_MIXTURES)] = 10

    @property
    def num_params(self) -> int:
        return 3 * self.num_mixtures

    @property
    def log_scale_offsets(self) -> np.ndarray:
        """Evenly spaced between the logarithms of SCALE_OFFSETS, without the ends.

        From either end step · k is added with one rounding, in float64 here: the bits that torch.linspace gives on
        CPUs with fused multiply-add. Other CPUs, and NumPy's linspace, differ by an ulp.
        """
        low, high = (np.float32(math.log(scale)) for scale in SCALE_OFFSETS)
        points = self.num_mixtures + 2
        step = float((high - low) / np.float32(points - 1))
        index = np.arange(1, points - 1)
        upward = float(low) + step * index
        downward = float(high) - step * (points - 1 - index)
        return np.where(index < points // 2, upward, downward).astype(np.float32)


@dataclass(frozen=True)
class MixtureOfGaussiansConfig(MixtureConfig):
    """A mixture of normal distributions."""

    name: ClassVar[str] = "mixture-of-gaussians"


@dataclass(frozen=True)
class MixtureOfLogisticsConfig(MixtureConfig):
    """A mixture of logistic distributions."""

    name: ClassVar[str] = "mixture-of-logistics"


DISTRIBUTION_CONFIGS: dict[str, type[DistributionConfig]] = {
    config.name: config for config in (CategoricalConfig, MixtureOfGaussiansConfig, MixtureOfLogisticsConfig)
}

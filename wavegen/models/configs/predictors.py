"""Predictors by their settings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Le


@dataclass(frozen=True)
class PredictorConfig(ABC):
    """A predictor of a model that is conditioned on `bands` mel bands, 0 without; the settings are keyword-only."""

    name: ClassVar[str]  # in a recipe
    needs_mel: ClassVar[bool]
    input_channels: ClassVar[int]  # of a network, beside those of the symbol

    bands: int = 0

    @property
    @abstractmethod
    def receptive_field(self) -> int:
        """How many samples before it a location depends on."""

    @property
    @abstractmethod
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every weight, by its name in the torch predictor's state dict."""

    @property
    def macs_per_sample(self) -> int:
        return self.receptive_field


@dataclass(frozen=True)
class LinearPredictorConfig(PredictorConfig):
    """A learned linear filter over the last `taps` samples."""

    name: ClassVar[str] = "linear"
    needs_mel: ClassVar[bool] = False
    input_channels: ClassVar[int] = 1

    _: KW_ONLY
    taps: Annotated[int, Ge(1), Le(1024)] = 32

    @property
    def receptive_field(self) -> int:
        return self.taps

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"weights": (self.taps,)}


@dataclass(frozen=True)
class SpectralPredictorConfig(PredictorConfig):
    """A linear filter over the last `order` samples, and the level of its error, both of each frame's mel spectrum.

    Raises ValueError for a model without a mel spectrogram.
    """

    name: ClassVar[str] = "spectral"
    needs_mel: ClassVar[bool] = True
    input_channels: ClassVar[int] = 2

    _: KW_ONLY
    order: Annotated[int, Ge(1), Le(64)] = 16

    def __post_init__(self) -> None:
        if self.bands < 1:
            raise ValueError("a spectral predictor needs a mel spectrogram")

    @property
    def receptive_field(self) -> int:
        return self.order

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        spectrum = {"autocorrelation": (self.order + 1, self.bands), "level": (), "floor": ()}
        return spectrum | {"weights": (self.order,), "unit": ()}


PREDICTOR_CONFIGS: dict[str, type[PredictorConfig]] = {
    config.name: config for config in (LinearPredictorConfig, SpectralPredictorConfig)
}

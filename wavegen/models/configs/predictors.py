"""Predictors by their settings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Le

from wavegen.audio.spectral.names import longest_period


@dataclass(frozen=True)
class PredictorConfig(ABC):
    """A predictor of a model that is conditioned on frames; the settings are keyword-only.

    Args:
        bands: mel bands of a frame; 0 without.
        f0_sample_rate: in Hz, of a model whose frames tell F0; 0 for any other.
    """

    name: ClassVar[str]  # in a recipe
    needs_mel: ClassVar[bool]

    bands: int = 0
    f0_sample_rate: int = 0

    @property
    def max_lag(self) -> int:
        """Samples of the longest period of F0; 0 where frames do not tell it."""
        return longest_period(self.f0_sample_rate)

    @property
    @abstractmethod
    def input_channels(self) -> int:
        """How many inputs of a network there are beside those of the symbol."""

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

    _: KW_ONLY
    taps: Annotated[int, Ge(1), Le(1024)] = 32

    @property
    def input_channels(self) -> int:
        return 1

    @property
    def receptive_field(self) -> int:
        return self.taps

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"weights": (self.taps,)}


@dataclass(frozen=True)
class SpectralPredictorConfig(PredictorConfig):
    """A linear filter over the last `order` samples, and the level of its error, both of each frame's mel spectrum.

    Where frames tell F0 it predicts the filter's error too, from that of one period before.

    Raises ValueError for a model without a mel spectrogram.
    """

    name: ClassVar[str] = "spectral"
    needs_mel: ClassVar[bool] = True

    _: KW_ONLY
    order: Annotated[int, Ge(1), Le(64)] = 16

    def __post_init__(self) -> None:
        if self.bands < 1:
            raise ValueError("a spectral predictor needs a mel spectrogram")

    @property
    def input_channels(self) -> int:
        return 3 if self.max_lag else 2

    @property
    def receptive_field(self) -> int:
        return self.max_lag + self.order + 1 if self.max_lag else self.order  # a period may end between two samples

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        shapes: dict[str, tuple[int, ...]] = {"autocorrelation": (self.order + 1, self.bands), "level": (), "floor": ()}
        shapes |= {"weights": (self.order,), "unit": ()}
        return shapes | ({"pitch_gain": ()} if self.max_lag else {})

    @property
    def macs_per_sample(self) -> int:
        return self.order * (4 if self.max_lag else 1)  # between two samples there are two products


PREDICTOR_CONFIGS: dict[str, type[PredictorConfig]] = {
    config.name: config for config in (LinearPredictorConfig, SpectralPredictorConfig)
}

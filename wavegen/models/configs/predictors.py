"""Predictors by their settings."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Le


@dataclass(frozen=True)
class LinearPredictorConfig:
    """A learned linear filter over the last `taps` samples."""

    name: ClassVar[str] = "linear"

    _: KW_ONLY
    taps: Annotated[int, Ge(1), Le(1024)] = 32

    @property
    def receptive_field(self) -> int:
        return self.taps

    @property
    def macs_per_sample(self) -> int:
        return self.taps

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every weight, by its name in the torch predictor's state dict."""
        return {"weights": (self.taps,)}


PREDICTOR_CONFIGS = {config.name: config for config in (LinearPredictorConfig,)}

"""Densities: what trainer, scorer and model files know of a model of any kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from wavegen.models.distributions import Distribution
from wavegen.models.forms import Form
from wavegen.models.model import described

if TYPE_CHECKING:
    from wavegen.modelfile import Contents


class Density(nn.Module, ABC):
    """What trainer, scorer and checkpoint know of a model; a sample is a PCM code or a channel's level in a picture."""

    kind: ClassVar[str]  # what a recipe's density.name says
    PARTS: ClassVar[
        Mapping[str, Mapping[str, type]]
    ]  # what it is made of, by a recipe's tables, and the choices of each
    DEFAULTS: ClassVar[Mapping[str, Mapping[str, str]]]  # of these tables
    OPTIONAL: ClassVar[Collection[str]]  # tables that may be missing

    def __init__(self, distribution: Distribution, network: Any):
        super().__init__()
        self.distribution, self.network = distribution, network
        self.metadata: dict[str, Any] = {}

    @classmethod
    @abstractmethod
    def from_settings(cls, settings: dict[str, dict[str, Any]], form: Any) -> Density: ...

    @classmethod
    @abstractmethod
    def from_contents(cls, contents: Contents) -> Density:
        """The model in a file, in evaluation mode. Raises UserError if its settings or weights are not right."""

    def take_weights(self, arrays: Mapping[str, np.ndarray], metadata: dict[str, Any]) -> None:
        """Makes arrays, by the names of the state dict, its weights, sharing their memory; then it is to evaluate."""
        self.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()}, assign=True)
        self.metadata = metadata
        self.eval()

    @property
    @abstractmethod
    def form(self) -> Form:
        """The sample rate or the grid of the recordings that it is of."""

    @property
    @abstractmethod
    def settings(self) -> dict[str, dict[str, Any]]: ...

    @property
    @abstractmethod
    def receptive_field(self) -> int | None: ...

    @property
    @abstractmethod
    def macs_per_sample(self) -> int: ...

    @abstractmethod
    def log2_prob(self, batch: Tensor, state: Any = None) -> tuple[Tensor, Any]: ...

    @abstractmethod
    def features(self, batch: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """What the network's last layers start from, (batch, time or 1, channels) float, and the state after it."""

    @property
    def whole(self) -> int | None:
        """How many samples make a whole that is never cut; None where any stretch of a recording can be scored."""
        return None

    @property
    def alignment(self) -> int:
        """Training windows start at multiples of it."""
        return self.whole or 1

    def context(self, warm_up: int) -> int:
        """How many unscored samples come before a training window's, `warm_up` if all of the past counts."""
        return 0

    def fit(self, recordings: Sequence[np.ndarray]) -> None:
        """Takes from the training recordings, (samples,) int16 each, what needs no gradients."""

    def initial_state(self, batch_size: int, before: Tensor | None = None) -> Any:
        """What a recording starts from, or a window whose preceding samples are `before`, (batch,) int64."""
        return None

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return next(self.parameters()).device

    @property
    def num_params(self) -> int:
        """How many numbers say how one sample is distributed: what bounds how many are scored at once."""
        return self.distribution.num_params

    @property
    def num_parameters(self) -> int:
        return sum(weight.numel() for weight in self.parameters())

    @property
    def num_bytes(self) -> int:
        """Of the weights."""
        return sum(weight.nbytes for weight in self.parameters())

    def describe(self) -> dict[str, Any]:
        """What `wavegen info` prints: settings, size, and where the weights come from."""
        return described(self)

"""Density: a model of any kind, as trainer, scorer and model files see it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from wavegen.constants import UNIFORM_SHARE
from wavegen.models.configs.base import Part, Settings, Tables
from wavegen.models.distributions import Distribution
from wavegen.models.forms import Form
from wavegen.models.given import Given
from wavegen.models.metadata import Metadata
from wavegen.models.model import ModelDescription, described
from wavegen.models.network import BaseNetwork, State

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wavegen.modelfile import Contents


class Density(nn.Module, ABC):
    """A model of any kind, as trainer, scorer and checkpoint see it.

    A sample is a code: of PCM, or the level of a channel in a picture. The distribution is over symbols, each of which
    is a cell of neighbouring codes that share its mass evenly; every code has a share of the uniform besides.
    """

    kind: ClassVar[str]  # density.name in a recipe
    PARTS: ClassVar[Mapping[str, Mapping[str, type[Part]]]]  # the choices of each part, by the tables of a recipe
    DEFAULTS: ClassVar[Mapping[str, Mapping[str, str]]]  # of these tables
    OPTIONAL: ClassVar[Collection[str]]  # tables that may be missing

    codes_per_symbol: Tensor

    def __init__(self, distribution: Distribution, network: BaseNetwork, codes_per_symbol: NDArray[np.int64]):
        super().__init__()
        self.distribution = distribution
        self.network = network
        self.metadata: Metadata = {}
        self.num_codes = int(codes_per_symbol.sum())
        self.keep("codes_per_symbol", codes_per_symbol)

    def keep(self, name: str, table: NDArray[np.generic]) -> None:
        """Registers a table that moves to a device with the model, is not saved, and is no meta tensor at first."""
        self.register_buffer(name, torch.as_tensor(table.copy(), device="cpu"), persistent=False)

    @classmethod
    def table(cls) -> Tables:
        """The table of the settings that names the kind; audio has none."""
        return {}

    @classmethod
    @abstractmethod
    def from_settings(cls, settings: Settings, form: Any) -> Density:
        """Builds an untrained model of recordings of that form, which is of this kind, from checked settings."""

    @classmethod
    @abstractmethod
    def from_contents(cls, contents: Contents) -> Density:
        """Builds the model in a file, in evaluation mode. Raises UserError if its settings or weights are not right."""

    def take_weights(self, arrays: Mapping[str, NDArray[np.float32]], metadata: Metadata) -> None:
        """Makes arrays the weights, by the names of the state dict, sharing their memory; then evaluation mode."""
        self.load_state_dict(
            {name: torch.as_tensor(array, device="cpu") for name, array in arrays.items()}, assign=True
        )
        self.metadata = metadata
        self.eval()

    @property
    @abstractmethod
    def form(self) -> Form:
        """The form of the recordings that it is a model of."""

    @property
    @abstractmethod
    def settings(self) -> Tables:
        """The argument of `from_settings`, to build this model again."""

    @property
    @abstractmethod
    def receptive_field(self) -> int | None:
        """How many samples before it a distribution depends on at most; None: all."""

    @property
    @abstractmethod
    def macs_per_sample(self) -> int:
        """Multiply-adds to step one sample."""

    @abstractmethod
    def log2_prob(self, batch: Tensor, state: State = None) -> tuple[Tensor, State]:
        """log2 p of each sample, (batch, time) integer to (batch, time) float, and the state after it."""

    def symbol_log2_prob(self, params: Tensor, symbols: Tensor, location: Tensor | None = None) -> Tensor:
        """log2 p of any one code of each symbol: (1 − ε) P(symbol) / codes(symbol) + ε / num_codes, with ε = 2⁻¹⁴.

        Args:
            params: (…, num_params).
            symbols: (…) int64.
            location: (…) float64, from a predictor.
        """
        codes = self.codes_per_symbol.to(params)[symbols]
        log_prob = self.distribution.log_prob(params, symbols, location) + math.log1p(-UNIFORM_SHARE) - codes.log()
        floor = torch.full_like(log_prob, math.log(UNIFORM_SHARE / self.num_codes))
        return torch.logaddexp(log_prob, floor) / math.log(2)

    def cumulative(
        self,
        params: Tensor,
        k: Tensor,
        temperature: float = 1.0,
        top_p: float = 1.0,
        location: Tensor | None = None,
        exact: bool = True,
    ) -> Tensor:
        """P(symbol < k), (…) float64.

        Args:
            params: (…, num_params).
            k: (…) int64, from 0 to num_symbols.
            temperature: of the distribution, 1 for its own.
            top_p: mass of the nucleus, 1 for all symbols.
            location: (…) float64, from a predictor.
            exact: with the uniform share, as in scoring; without it the distribution alone.
        """
        below = self.distribution.cumulative(params, k, temperature, top_p, location)
        if not exact:
            return below
        codes = nn.functional.pad(self.codes_per_symbol.cumsum(0), (1, 0)).to(params.device)[k]
        return (1 - UNIFORM_SHARE) * below + UNIFORM_SHARE * codes.double() / self.num_codes

    @abstractmethod
    def features(self, batch: Tensor, state: State = None) -> tuple[Tensor, State]:
        """The input of the network's last layers, (batch, time or 1, channels) float, and the state after it."""

    @property
    def whole(self) -> int | None:
        """Samples of a recording that is never cut, such as a picture; None where any stretch can be scored."""
        return None

    @property
    def alignment(self) -> int:
        """Training windows start at multiples of it."""
        return self.whole or 1

    def context(self, warm_up: int) -> int:
        """Unscored samples at the start of a training window; `warm_up` if the receptive field is unlimited."""
        return 0

    def fit(self, recordings: Sequence[NDArray[np.int16]], frames: Sequence[NDArray[np.float32]] = ()) -> None:
        """Fits the weights that need no gradients to the training recordings.

        Args:
            recordings: (samples,) int16 each.
            frames: of each that has some, (frames, F) float32.
        """

    def initial_state(
        self, batch_size: int, before: Tensor | None = None, conditions: Sequence[Given] | None = None
    ) -> State:
        """The state at the start of a recording, or of a window after the samples `before`, (batch,) int64.

        `conditions` are those of each recording, for a model that takes some.
        """
        return None

    def window_state(self, before: Tensor, conditions: Sequence[Tensor] = ()) -> State:
        """The state at the start of training windows.

        Args:
            before: the sample before each window, (batch,) int64.
            conditions: the tensors of `wavegen.models.conditioning.Conditions`; none without conditions.
        """
        return self.initial_state(len(before), before)

    @property
    def device(self) -> torch.device:
        """The device of its weights."""
        return next(self.parameters()).device

    @property
    def num_params(self) -> int:
        """How many parameters the distribution of one sample has, which limits how many samples are scored at once."""
        return self.distribution.num_params

    @property
    def num_parameters(self) -> int:
        """How many numbers the weights are."""
        return sum(weight.numel() for weight in self.parameters())

    @property
    def num_bytes(self) -> int:
        """Bytes of the weights."""
        return sum(weight.nbytes for weight in self.parameters())

    def describe(self) -> ModelDescription:
        """Settings, size and training provenance, as `wavegen info` prints them."""
        return described(self)

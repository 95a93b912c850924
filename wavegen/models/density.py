"""Densities: what trainer, scorer and model files know of a model of any kind."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from wavegen.constants import UNIFORM_SHARE
from wavegen.models.distributions import Distribution
from wavegen.models.forms import Form
from wavegen.models.model import described

if TYPE_CHECKING:
    from wavegen.modelfile import Contents


class Density(nn.Module, ABC):
    """What trainer, scorer and checkpoint know of a model.

    A sample is a code: of PCM, or the level of a channel in a picture. The distribution is over symbols, each of which
    is a cell of neighbouring codes that share its mass evenly; every code has a share of the uniform besides.
    """

    kind: ClassVar[str]  # what a recipe's density.name says
    PARTS: ClassVar[Mapping[str, Mapping[str, type]]]  # the choices of each part, by a recipe's tables
    DEFAULTS: ClassVar[Mapping[str, Mapping[str, str]]]  # of these tables
    OPTIONAL: ClassVar[Collection[str]]  # tables that may be missing

    codes_per_symbol: Tensor

    def __init__(self, distribution: Distribution, network: Any, codes_per_symbol: np.ndarray):
        super().__init__()
        self.distribution, self.network = distribution, network
        self.metadata: dict[str, Any] = {}
        self.num_codes = int(codes_per_symbol.sum())
        self.keep("codes_per_symbol", codes_per_symbol)

    def keep(self, name: str, table: np.ndarray) -> None:
        """A table that moves with the model, and that no file needs to hold."""
        self.register_buffer(name, torch.from_numpy(table.copy()), persistent=False)

    @classmethod
    def table(cls) -> dict[str, dict[str, Any]]:
        """The table of the settings that says its kind; none of audio, which is meant where there is none."""
        return {}

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
        """Of the recordings that it is a model of."""

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
        """P(symbol < k), float64: params (…, num_params), k (…) int64 from 0 to num_symbols, result (…).

        `exact` includes the uniform share, as scoring does; without it this is the distribution's own.
        """
        below = self.distribution.cumulative(params, k, temperature, top_p, location)
        if not exact:
            return below
        codes = nn.functional.pad(self.codes_per_symbol.cumsum(0), (1, 0)).to(params.device)[k]
        return (1 - UNIFORM_SHARE) * below + UNIFORM_SHARE * codes.double() / self.num_codes

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

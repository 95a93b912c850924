"""Distributions over the cells of a codec, from a network's parameters.

A distribution is made from the codec's `codes_per_symbol`, which says where the edges of the cells are.
`location`, in PCM codes, is a predictor's expectation of the next sample.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from wavegen.models.autograd import Context, applied
from wavegen.models.codecs import PCM_CODES
from wavegen.models.configs.distributions import (
    MAX_SCALE,
    MIN_SCALE,
    CategoricalConfig,
    DistributionConfig,
    MixtureConfig,
    MixtureOfGaussiansConfig,
    MixtureOfLogisticsConfig,
)

INFINITY = 1e60  # PCM codes: the outer edges of the edge symbols, beyond any mean that float32 parameters make


class Distribution(Protocol):
    """P(symbol) from parameters, (…, num_params)."""

    name: ClassVar[str]
    takes_location: ClassVar[bool]
    takes_top_p: ClassVar[bool]
    num_params: int

    @property
    def config(self) -> DistributionConfig: ...

    def in_units(self, params: Tensor, log_unit: Tensor) -> Tensor:
        """Parameters (…, num_params) whose scales are in units, (…) float64 logarithms, with them in PCM codes."""
        ...

    def log_prob(self, params: Tensor, symbols: Tensor, location: Tensor | None = None) -> Tensor:
        """Natural log-probability of each symbol: params (…, num_params), symbols (…) int64, result (…)."""
        ...

    def cumulative(
        self, params: Tensor, k: Tensor, temperature: float = 1.0, top_p: float = 1.0, location: Tensor | None = None
    ) -> Tensor:
        """P(symbol < k), float64: params (…, num_params), k (…) int64 from 0 to num_symbols, result (…)."""
        ...


class Categorical:
    """P(k) = exp(params_k) / Σ_j exp(params_j): one free logit a symbol, for up to 4096 symbols."""

    name: ClassVar[str] = CategoricalConfig.name
    takes_location: ClassVar[bool] = CategoricalConfig.takes_location
    takes_top_p: ClassVar[bool] = CategoricalConfig.takes_top_p

    def __init__(self, codes_per_symbol: np.ndarray):
        self.config = CategoricalConfig(len(codes_per_symbol))
        self.num_params = self.config.num_params

    def in_units(self, params: Tensor, log_unit: Tensor) -> Tensor:
        """The parameters: they have no scales."""
        return params

    def log_prob(self, params: Tensor, symbols: Tensor, location: Tensor | None = None) -> Tensor:
        """Natural log-probability of each symbol: params (…, num_params), symbols (…) int64, result (…)."""
        return torch.log_softmax(params, dim=-1).gather(-1, symbols.unsqueeze(-1)).squeeze(-1)

    def cumulative(
        self, params: Tensor, k: Tensor, temperature: float = 1.0, top_p: float = 1.0, location: Tensor | None = None
    ) -> Tensor:
        """P(symbol < k), float64: params (…, num_params), k (…) int64 from 0 to num_params, result (…).

        A temperature T ≠ 1 raises P to the power 1/T and renormalises. `top_p` < 1 then keeps the
        fewest most probable symbols whose sum reaches it (of equals, the lower symbol first),
        renormalised: nucleus sampling, Holtzman et al. (2019), section 3.1.
        """
        probabilities = torch.softmax(params.double() / temperature, dim=-1)
        if top_p < 1:
            ordered, order = probabilities.sort(dim=-1, descending=True, stable=True)
            kept = ordered.cumsum(-1) - ordered < top_p  # as long as the sum before it does not reach top_p
            probabilities = torch.zeros_like(probabilities).scatter(-1, order, ordered * kept)
            probabilities = probabilities / probabilities.sum(-1, keepdim=True)
        below = nn.functional.pad(probabilities.cumsum(-1), (1, 0))
        return below.gather(-1, k.unsqueeze(-1)).squeeze(-1)


class _Mixture(ABC):
    """Σ_j w_j ∫ f_j over a symbol's cell: components of a location-scale family in PCM codes.

    params[…, :K] are the logits of the weights w; component j has scale s_j = exp(params[…, 2K + j]
    + offset_j), taken into [10⁻³, 10⁵] codes, and location μ_j = location + s_j · params[…, K + j]. The
    offsets spread the components of an untrained mixture from silence to loud speech. Symbol k has the
    mass between the edges of its cell, half a code beyond its first and last code; the edge symbols have
    the tails too.

    Everything is float64, in which cells of a width of 1e-5 scales keep ten digits and tails stay finite,
    with their gradients, however far away.
    """

    takes_location: ClassVar[bool] = True
    takes_top_p: ClassVar[bool] = False
    of: ClassVar[Callable[..., MixtureConfig]]  # makes the config

    def __init__(self, codes_per_symbol: np.ndarray, **settings: object):
        self.config = self.of(len(codes_per_symbol), **settings)
        self.num_mixtures = self.config.num_mixtures
        self.num_params = self.config.num_params
        self.num_symbols = len(codes_per_symbol)
        self.log_scale_offsets = torch.from_numpy(self.config.log_scale_offsets)
        edges = np.cumsum(codes_per_symbol) - (PCM_CODES // 2 + 0.5)
        # A finite number for infinity: the tails need no case of their own, and no gradient is 0 · ∞.
        edges[-1] = INFINITY
        self._edges = torch.from_numpy(np.concatenate([[-INFINITY], edges]))  # (num_symbols + 1,)

    def in_units(self, params: Tensor, log_unit: Tensor) -> Tensor:
        """Parameters (…, 3K) whose scales are in units, (…) float64 logarithms, with them in PCM codes.

        Means need no change, since they are in scales.
        """
        others, log_scales = params.split([2 * self.num_mixtures, self.num_mixtures], dim=-1)
        return torch.cat([others, log_scales + log_unit.unsqueeze(-1).to(params)], dim=-1)

    def log_prob(self, params: Tensor, symbols: Tensor, location: Tensor | None = None) -> Tensor:
        """Natural log-probability of each symbol: params (…, 3K), symbols (…) int64, result (…).

        `location` is (…) float64. Gradients are finite for all finite parameters.
        """
        # Components first: the sums over them then run along contiguous memory, three times as fast.
        logits, means, log_scales = self._parts(params.reshape(-1, self.num_params).T.double())
        low, high = self._edges.to(params.device)[torch.stack([symbols, symbols + 1])].reshape(2, -1)
        shift = 0.0 if location is None else location.reshape(-1)
        inverse = torch.exp(-log_scales)
        a = (low - shift) * inverse - means
        b = (high - shift) * inverse - means
        h = (high - low) * inverse
        terms = torch.log_softmax(logits, dim=0) + self._log_mass(a, b, h)
        return torch.logsumexp(terms, dim=0).view(symbols.shape).to(params.dtype)

    def cumulative(
        self, params: Tensor, k: Tensor, temperature: float = 1.0, top_p: float = 1.0, location: Tensor | None = None
    ) -> Tensor:
        """P(symbol < k), float64: params (…, 3K), k (…) int64 from 0 to num_symbols, result (…).

        A temperature T raises the weights to the power 1/T, renormalised, and multiplies the scales by T;
        locations stay. Raises ValueError for a `top_p` below 1: a mixture has no ranking of symbols to cut.
        """
        if top_p < 1:
            raise ValueError("top_p needs a categorical distribution; a mixture has a temperature")
        logits, means, log_scales = (part.movedim(0, -1) for part in self._parts(params.double().movedim(-1, 0)))
        edges = self._edges.to(params.device)[k]
        edges = edges if location is None else edges - location
        below = self._below((edges.unsqueeze(-1) * torch.exp(-log_scales) - means) / temperature)
        return (torch.softmax(logits / temperature, dim=-1) * below).sum(-1)

    def _parts(self, params: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits, means in scales and log scales, (K, …) each, of parameters (3K, …)."""
        logits, means, log_scales = params.chunk(3)
        offsets = self.log_scale_offsets.to(params).view(-1, *[1] * (params.dim() - 1))
        return logits, means, (log_scales + offsets).clamp(math.log(MIN_SCALE), math.log(MAX_SCALE))

    @abstractmethod
    def _log_mass(self, a: Tensor, b: Tensor, h: Tensor) -> Tensor:
        """log ∫ of the standard density over (a, b), float64; h = b − a > 0, exact even where a and b are large."""

    @abstractmethod
    def _below(self, z: Tensor) -> Tensor:
        """The standard distribution function, float64."""


class MixtureOfLogistics(_Mixture):
    """A mixture of logistic distributions, Salimans et al. (2017), "PixelCNN++", section 2.1.

    log(σ(b) − σ(a)) = log σ(b) + log σ(−a) + log(1 − exp(−h)), h = b − a: nothing cancels.
    """

    name: ClassVar[str] = MixtureOfLogisticsConfig.name
    of = MixtureOfLogisticsConfig

    def _log_mass(self, a: Tensor, b: Tensor, h: Tensor) -> Tensor:
        return nn.functional.logsigmoid(b) + nn.functional.logsigmoid(-a) + torch.log(-torch.expm1(-h))

    def _below(self, z: Tensor) -> Tensor:
        return torch.sigmoid(z)


class MixtureOfGaussians(_Mixture):
    """A mixture of normal distributions, as in Uria et al. (2013), "RNADE", but integrated over each cell."""

    name: ClassVar[str] = MixtureOfGaussiansConfig.name
    of = MixtureOfGaussiansConfig

    def _log_mass(self, a: Tensor, b: Tensor, h: Tensor) -> Tensor:
        return applied(_LogNormalMass, a, b, h)

    def _below(self, z: Tensor) -> Tensor:
        return torch.special.ndtr(z)


class _LogNormalMass(torch.autograd.Function):
    """log ∫ φ over (a, b), h = b − a; its derivatives −φ(a) / ∫ φ and φ(b) / ∫ φ.

    By symmetry a + b ≥ 0. With p = max(a, 0), n = max(−a, 0) and erfcx(x) = exp(x²) erfc(x), the integral is
    ½ exp(−p²/2) [erfcx(p/√2) − exp((p² − b²)/2) erfcx(b/√2) + erf(n/√2)], whose bracket never underflows.
    """

    @staticmethod
    def forward(ctx: Context, a: Tensor, b: Tensor, h: Tensor) -> Tensor:
        flipped = a + b < 0
        a, b = torch.where(flipped, -b, a), torch.where(flipped, -a, b)
        p = a.clamp(min=0)
        n = (-a).clamp(min=0)
        decay = torch.exp(torch.where(a > 0, h, b) * (p + b) / -2)
        bracket = torch.special.erfcx(p * math.sqrt(0.5)) + torch.erf(n * math.sqrt(0.5))
        bracket -= decay * torch.special.erfcx(b * math.sqrt(0.5))
        ctx.save_for_backward(flipped, n, decay, bracket)
        return torch.log(bracket / 2) - p.square() / 2

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride] (torch's has no types)
        flipped, n, decay, bracket = ctx.saved_tensors
        of_edge = gradients[0] * math.sqrt(2 / math.pi) / bracket
        of_a = -of_edge * torch.exp(n.square() / -2)
        of_b = of_edge * decay
        return torch.where(flipped, -of_b, of_a), torch.where(flipped, -of_a, of_b), None


DISTRIBUTIONS: dict[str, Callable[..., Distribution]] = {
    distribution.name: distribution for distribution in (Categorical, MixtureOfGaussians, MixtureOfLogistics)
}

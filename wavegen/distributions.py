"""Distributions over a symbol grid {0 … num_symbols − 1}, from a network's parameters."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor


class Categorical:
    """P(k) = exp(params_k) / Σ_j exp(params_j): one free logit a symbol."""

    name: ClassVar[str] = "categorical"

    def __init__(self, num_symbols: int):
        self.num_symbols = num_symbols
        self.num_params = num_symbols

    def log_prob(self, params: Tensor, symbols: Tensor) -> Tensor:
        """Natural log-probability of each symbol: params (…, num_params), symbols (…) int64, result (…)."""
        return torch.log_softmax(params, dim=-1).gather(-1, symbols.unsqueeze(-1)).squeeze(-1)

    def probabilities(self, params: Tensor, temperature: float = 1.0) -> Tensor:
        """P of every symbol, (…, num_symbols); a temperature T ≠ 1 raises P to the power 1/T and renormalises."""
        return torch.softmax(params / temperature, dim=-1)


DISTRIBUTIONS = {distribution.name: distribution for distribution in (Categorical,)}

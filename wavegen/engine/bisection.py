"""The symbol at a point of a cumulative distribution."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def symbol_at(u: Tensor, cumulative: Callable[[Tensor], Tensor], num_symbols: int) -> Tensor:
    """The symbol k with C(k) ≤ u < C(k + 1), by bisection.

    Args:
        u: (batch,), from C(0) to less than C(num_symbols), in the unit of C.
        cumulative: k, (batch,) int64 from 0 to num_symbols, to C(k), (batch,).
        num_symbols: how many there are.

    Returns:
        (batch,) int64.
    """
    symbol = torch.zeros(len(u), dtype=torch.int64)
    above = torch.full_like(symbol, num_symbols)
    while (above - symbol > 1).any():
        middle = symbol + (above - symbol) // 2
        below = cumulative(middle) <= u
        symbol = torch.where(below, middle, symbol)
        above = torch.where(below, above, middle)
    return symbol

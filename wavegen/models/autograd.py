"""Typed calls for functions with a backward pass of their own, which torch leaves untyped."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar, cast

import torch
from torch import Tensor

P = ParamSpec("P")
T = TypeVar("T")


class Context(Protocol):
    """The link between the forward and the backward pass of a `torch.autograd.Function`."""

    saved_tensors: tuple[Tensor, ...]
    needs_input_grad: tuple[bool, ...]

    def save_for_backward(self, *tensors: Tensor) -> None: ...

    def mark_non_differentiable(self, *tensors: Tensor) -> None: ...


def applied(function: type[torch.autograd.Function], *args: object) -> Tensor:
    """The one result of a function."""
    result = function.apply(*args)
    assert isinstance(result, Tensor), "functions with several results are not for this"
    return result


def not_compiled(function: Callable[P, T]) -> Callable[P, T]:
    """The function, which torch's compiler leaves alone: it would unroll the loop."""
    return cast("Callable[P, T]", torch.compiler.disable(function))

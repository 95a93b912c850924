"""The gated stack of a WaveNet for training on CPUs: one function with its own backward pass."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from types import ModuleType
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from wavegen import extension

SKIP_GROUPS = 4  # whose sums of rounded products are added in float32


@cache
def _extension() -> ModuleType | None:
    try:
        built = extension.extension()
    except ImportError:
        return None
    return built if extension.fits(built) else None


def available(x: Tensor, pasts: Sequence[Tensor]) -> bool:
    """Whether `gated_stack` can take the layers' place: with gradients, in float32, on a CPU with the C++ extension."""
    plain = x.device.type == "cpu" and x.dtype == torch.float32 and x.numel() > 0
    trained = torch.is_grad_enabled() and not any(past.requires_grad for past in pasts)
    return plain and trained and _extension() is not None


class Shape(NamedTuple):
    """What the layers have in common, their dilations, and what their products are computed in."""

    kernel_size: int
    dilations: tuple[int, ...]
    dtype: torch.dtype

    def taps(self, x: Tensor, past: Tensor, dilation: int) -> Tensor:
        """x (batch, time, channels) of each tap side by side, oldest first: (batch · time, kernel_size · channels)."""
        batch, time, channels = x.shape
        taps = x.new_empty(batch, time, self.kernel_size, channels, dtype=self.dtype)
        for k, late in enumerate(self._late(dilation)):
            span, here = past.shape[1], min(late, time)
            taps[:, :here, k] = past[:, span - late : span - late + here]
            taps[:, here:, k] = x[:, : time - here]
        return taps.view(batch * time, -1)

    def add_taps_gradient(self, dx: Tensor, dtaps: Tensor, dilation: int) -> None:
        """Adds to the gradient of x, (batch, time, channels), what comes back through its taps."""
        batch, time, channels = dx.shape
        dtaps = dtaps.view(batch, time, self.kernel_size, channels)
        for k, late in enumerate(self._late(dilation)):
            if late < time:
                dx[:, : time - late] += dtaps[:, late:, k]

    def _late(self, dilation: int) -> list[int]:
        """How many samples ago each tap reads."""
        return [(self.kernel_size - 1 - k) * dilation for k in range(self.kernel_size)]


def gated_stack(
    x: Tensor,
    pasts: Sequence[Tensor],
    shape: Shape,
    gates: Sequence[tuple[Tensor, Tensor]],
    residuals: Sequence[tuple[Tensor, Tensor]],
    skip: tuple[Tensor, Tensor],
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """x (batch, time, residual_channels) float32 to the skip sum (batch, time, skip_channels) and the next pasts.

    `gates`, `residuals` and `skip` are weights and biases as `torch.nn.Linear` keeps them. The same as the layers one
    by one, up to rounding: with dtype bfloat16 products' factors and results are rounded, while x and the skip sum
    are added up in float32. The gradient does not reach the pasts.
    """
    weights = [tensor for pair in (*gates, *residuals, skip) for tensor in pair]
    total, *new_pasts = _GatedStack.apply(x, tuple(pasts), shape, *weights)
    return total, tuple(new_pasts)


class _GatedStack(torch.autograd.Function):
    """x ← x + W_r z, z = tanh(W_f * x) ⊙ σ(W_g * x), and Σ S z, with what `WaveNet.forward` gives as gradients.

    What each layer read and its gates are kept, in `shape.dtype`; the outputs z of all layers stand side by side. The
    gates' gradient takes the gates' place, so a backward pass is made once.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, pasts: tuple[Tensor, ...], shape: Shape, *weights: Tensor) -> tuple[Tensor, ...]:
        batch, time, channels = x.shape
        layers, rounded = len(shape.dilations), [weight.to(shape.dtype) for weight in weights]
        pairs = list(zip(rounded[::2], rounded[1::2], strict=True))
        half, (skip_weight, _) = pairs[0][0].shape[0] // 2, pairs[-1]
        x = x.clone()
        rows = x.view(batch * time, channels)
        z = rows.new_empty(len(rows), layers * half, dtype=shape.dtype)
        kept, new_pasts = [], []
        for layer, (past, dilation) in enumerate(zip(pasts, shape.dilations, strict=True)):
            weight, bias = pairs[layer]
            taps = shape.taps(x, past, dilation)
            gates, out = torch.addmm(bias, taps, weight.t()), z[:, layer * half : (layer + 1) * half]
            _native("gated_activation", gates, out)
            new_pasts.append(torch.cat([past, x], dim=1)[:, time:].clone() if past.shape[1] else past)
            if layer < layers - 1:
                weight, bias = pairs[layers + layer]
                rows += torch.addmm(bias, out, weight.t())
            kept += [taps, gates]
        total = weights[-1].expand(len(rows), -1).clone()
        for begin, end in pairwise(_groups(layers)):
            total += z[:, begin * half : end * half] @ skip_weight[:, begin * half : end * half].t()
        ctx.spent, ctx.shape, ctx.size, ctx.pairs = False, shape, (batch, time, channels), pairs
        ctx.save_for_backward(z, *kept)
        ctx.mark_non_differentiable(*new_pasts)
        return total.view(batch, time, -1), *new_pasts

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride] (torch's has no types)
        if ctx.spent:
            raise RuntimeError("the backward pass of a gated stack was made before, and is made once")
        ctx.spent = True
        z, *kept = ctx.saved_tensors
        layers, pairs, shape = len(kept) // 2, ctx.pairs, ctx.shape
        half = z.shape[1] // layers
        dtotal = gradients[0].reshape(len(z), -1)
        through = dtotal.to(shape.dtype)
        skip_weight = pairs[-1][0]
        found: list[tuple[Tensor, Tensor] | None] = [None] * len(pairs)
        found[-1] = through.t() @ z, dtotal.sum(0)
        dx = dtotal.new_zeros(ctx.size)
        rows = dx.view(len(z), -1)
        for layer in reversed(range(layers)):
            columns = slice(layer * half, (layer + 1) * half)
            back = through @ skip_weight[:, columns]
            if layer < layers - 1:
                change = rows.to(shape.dtype)
                back.addmm_(change, pairs[layers + layer][0])
                found[layers + layer] = change.t() @ z[:, columns], rows.sum(0)
            taps, gates = kept[2 * layer : 2 * layer + 2]
            _native("gates_gradient", gates, back)
            found[layer] = gates.t() @ taps, gates.sum(0, dtype=torch.float32)
            shape.add_taps_gradient(dx, gates @ pairs[layer][0], shape.dilations[layer])
        weights = [gradient.float() for pair in found if pair is not None for gradient in pair]
        return dx, None, None, *weights


def _groups(layers: int) -> list[int]:
    """The ends of SKIP_GROUPS groups of layers, or as many as there are layers."""
    groups = min(SKIP_GROUPS, layers)
    return [layers * group // groups for group in range(groups + 1)]


def _native(function: str, gates: Tensor, z: Tensor) -> None:
    built = _extension()
    assert built is not None, "`available` says whether it is there"
    arrays = [t.detach().view(torch.uint16 if t.dtype == torch.bfloat16 else t.dtype).numpy() for t in (gates, z)]
    getattr(built, function)(*arrays, torch.get_num_threads())

"""The gated stack of a WaveNet for training on CPUs: one function with its own backward pass."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from types import ModuleType
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from wavegen import extension
from wavegen.models.autograd import Context
from wavegen.models.conditioning import Condition

SKIP_GROUPS = 4  # of layers, whose sums of rounded products are added in float32


@cache
def _extension() -> ModuleType | None:
    try:
        built = extension.extension()
    except ImportError:
        return None
    return built if extension.fits(built) else None


def available(x: Tensor, histories: Sequence[Tensor]) -> bool:
    """Whether `gated_stack` can replace the layers: with gradients, in float32, on a CPU with the C++ extension."""
    plain = x.device.type == "cpu" and x.dtype == torch.float32 and x.numel() > 0
    trained = torch.is_grad_enabled() and not any(history.requires_grad for history in histories)
    return plain and trained and _extension() is not None


class Shape(NamedTuple):
    """The kernel size of all layers, their dilations, and the dtype of their products."""

    kernel_size: int
    dilations: tuple[int, ...]
    dtype: torch.dtype

    def taps(self, x: Tensor, history: Tensor, dilation: int) -> Tensor:
        """x (batch, time, channels) of each tap side by side, oldest first: (batch · time, kernel_size · channels)."""
        batch, time, channels = x.shape
        taps = x.new_empty(batch, time, self.kernel_size, channels, dtype=self.dtype)
        for k, late in enumerate(self._late(dilation)):
            span = history.shape[1]
            here = min(late, time)
            taps[:, :here, k] = history[:, span - late : span - late + here]
            taps[:, here:, k] = x[:, : time - here]
        return taps.view(batch * time, -1)

    def add_taps_gradient(self, dx: Tensor, dtaps: Tensor, dilation: int) -> None:
        """Adds the gradient of the taps to that of x, (batch, time, channels)."""
        batch, time, channels = dx.shape
        dtaps = dtaps.view(batch, time, self.kernel_size, channels)
        for k, late in enumerate(self._late(dilation)):
            if late < time:
                dx[:, : time - late] += dtaps[:, late:, k]

    def _late(self, dilation: int) -> list[int]:
        """How many samples ago each tap reads."""
        return [(self.kernel_size - 1 - k) * dilation for k in range(self.kernel_size)]


class Added(NamedTuple):
    """The vectors that a condition adds to the gates.

    Args:
        vectors: of all layers side by side, (rows, layers · gate_channels) float32.
        row: of each sample, (batch · time,) int64, ascending.
        starts: the first sample of each row, (rows,) int64; a row without samples has that of the next.
    """

    vectors: Tensor
    row: Tensor
    starts: Tensor


def vectors_added(condition: Condition, weights: Sequence[Tensor], x: Tensor) -> Added:
    """The layers' maps `weights`, (gate_channels, channels) each, of a condition of x (batch, time, …)."""
    batch, time, _ = x.shape
    rows = condition.rows.flatten(0, 1)
    each = condition.rows.shape[1]
    frame = condition.frame if condition.frame is not None else x.new_zeros(batch, time, dtype=torch.int64)
    row = (frame + each * torch.arange(batch)[:, None]).flatten()
    return Added(rows @ torch.cat(list(weights)).t(), row, torch.searchsorted(row, torch.arange(len(rows))))


def gated_stack(
    x: Tensor,
    histories: Sequence[Tensor],
    shape: Shape,
    gates: Sequence[tuple[Tensor, Tensor]],
    residuals: Sequence[tuple[Tensor, Tensor]],
    skip: tuple[Tensor, Tensor],
    added: Added | None = None,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """All layers of a gated stack, as one by one up to rounding.

    With dtype bfloat16 the factors and results of products are rounded, while x and the skip sum are added up in
    float32. No gradient reaches the histories.

    Args:
        x: (batch, time, residual_channels) float32.
        histories: history of each layer, (batch, span, residual_channels).
        shape: of the layers.
        gates: weight and bias of each layer's gates, as `torch.nn.Linear` keeps them.
        residuals: weight and bias of each residual connection; the last layer has none.
        skip: weight and bias of all skip connections.
        added: by a condition, if there is one.

    Returns the skip sum, (batch, time, skip_channels), and the next histories.
    """
    weights = [tensor for pair in (*gates, *residuals, skip) for tensor in pair]
    vectors, *where = (None, None, None) if added is None else added
    total, *next_histories = _GatedStack.apply(x, tuple(histories), shape, vectors, tuple(where), *weights)
    return total, tuple(next_histories)


class _Context(Context, Protocol):
    spent: bool
    shape: Shape
    starts: Tensor | None
    size: tuple[int, ...]
    pairs: list[tuple[Tensor, Tensor]]


class _GatedStack(torch.autograd.Function):
    """x ← x + W_r z, z = tanh(W_f * x) ⊙ σ(W_g * x), and Σ S z, with the gradients of `WaveNet.forward`.

    Each layer's taps and gates are kept, in `shape.dtype`; the outputs z of all layers stand side by side. The gradient
    of the gates overwrites the gates: there is one backward pass.
    """

    @staticmethod
    def forward(
        ctx: _Context,
        x: Tensor,
        histories: tuple[Tensor, ...],
        shape: Shape,
        vectors: Tensor | None,
        where: tuple[Tensor, Tensor],
        *weights: Tensor,
    ) -> tuple[Tensor, ...]:
        batch, time, channels = x.shape
        layers = len(shape.dilations)
        rounded = [weight.to(shape.dtype) for weight in weights]
        pairs = list(zip(rounded[::2], rounded[1::2], strict=True))
        half = pairs[0][0].shape[0] // 2
        x = x.clone()
        rows = x.view(batch * time, channels)
        z = rows.new_empty(len(rows), layers * half, dtype=shape.dtype)
        kept: list[Tensor] = []
        next_histories: list[Tensor] = []
        for layer, (history, dilation) in enumerate(zip(histories, shape.dilations, strict=True)):
            taps = shape.taps(x, history, dilation)
            added = None if vectors is None else vectors[:, layer * 2 * half : (layer + 1) * 2 * half]
            gates = _gate_sums(taps, pairs[layer], weights[2 * layer + 1], added, where[0])
            out = z[:, layer * half : (layer + 1) * half]
            _native("gated_activation", gates, out)
            next_histories.append(torch.cat([history, x], dim=1)[:, time:].clone() if history.shape[1] else history)
            if layer < layers - 1:
                weight, bias = pairs[layers + layer]
                rows += torch.addmm(bias, out, weight.t())
            kept += [taps, gates]
        total = _skip_sums(z, pairs[-1][0], weights[-1], half)
        ctx.spent = False
        ctx.shape = shape
        ctx.starts = None if vectors is None else where[1]
        ctx.size = (batch, time, channels)
        ctx.pairs = pairs
        ctx.save_for_backward(z, *kept)
        ctx.mark_non_differentiable(*next_histories)
        return total.view(batch, time, -1), *next_histories

    @staticmethod
    @once_differentiable
    def backward(ctx: _Context, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride] (torch's has no types)
        if ctx.spent:
            raise RuntimeError("a gated stack has one backward pass")
        ctx.spent = True
        z, *kept = ctx.saved_tensors
        pairs = ctx.pairs
        shape = ctx.shape
        layers = len(kept) // 2
        half = z.shape[1] // layers
        dtotal = gradients[0].reshape(len(z), -1)
        through = dtotal.to(shape.dtype)
        skip_weight = pairs[-1][0]
        found: list[tuple[Tensor, Tensor] | None] = [None] * len(pairs)
        found[-1] = through.t() @ z, dtotal.sum(0)
        dx = dtotal.new_zeros(ctx.size)
        rows = dx.view(len(z), -1)
        vectors: list[Tensor] = []
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
            if ctx.starts is not None:
                vectors.insert(0, _sums(gates, ctx.starts))
            shape.add_taps_gradient(dx, gates @ pairs[layer][0], shape.dilations[layer])
        weights = [gradient.float() for pair in found if pair is not None for gradient in pair]
        return dx, None, None, torch.cat(vectors, dim=1) if vectors else None, None, *weights


def _sums(values: Tensor, starts: Tensor) -> Tensor:
    """The sum of the values, (samples, width), of each row, (rows, width) float32."""
    return nn.functional.embedding_bag(torch.arange(len(values)), values, starts, mode="sum").float()


def _gate_sums(
    taps: Tensor, pair: tuple[Tensor, Tensor], bias: Tensor, vectors: Tensor | None, frame_of: Tensor
) -> Tensor:
    """The sums of a layer's gates, (rows, 2 · half), in the precision of `pair`, its rounded weight and bias.

    Args:
        taps: (rows, inputs).
        pair: (2 · half, inputs) and (2 · half,).
        bias: before it was rounded, which it is only after a frame's vector is added.
        vectors: (frames, 2 · half), None without conditions.
        frame_of: (rows,), the frame of each row.
    """
    weight, rounded = pair
    if vectors is None:
        return torch.addmm(rounded, taps, weight.t())
    return (bias + vectors).to(rounded.dtype).index_select(0, frame_of).addmm_(taps, weight.t())


def _skip_sums(z: Tensor, weight: Tensor, bias: Tensor, half: int) -> Tensor:
    """Σ S z over all layers, whose z stand side by side, (rows, layers · half); a few layers at a time, in float32."""
    total = bias.expand(len(z), -1).clone()
    for begin, end in pairwise(_groups(z.shape[1] // half)):
        total += z[:, begin * half : end * half] @ weight[:, begin * half : end * half].t()
    return total


def _groups(layers: int) -> list[int]:
    """The bounds of SKIP_GROUPS groups of layers, or of one for each layer if they are fewer."""
    groups = min(SKIP_GROUPS, layers)
    return [layers * group // groups for group in range(groups + 1)]


def _native(function: str, gates: Tensor, z: Tensor) -> None:
    built = _extension()
    assert built is not None, "`available` says whether it is there"
    arrays = [t.detach().view(torch.uint16 if t.dtype == torch.bfloat16 else t.dtype).numpy() for t in (gates, z)]
    getattr(built, function)(*arrays, torch.get_num_threads())

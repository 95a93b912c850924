"""A long short-term memory that goes over a picture line by line, all pixels of a line at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


@dataclass(frozen=True)
class Line:
    """The pixels of one step: places `first` … `first + count − 1` of a line.

    `pixels` says for each direction where they lie among the raster's height · width pixels.
    """

    first: int
    count: int
    pixels: tuple[slice, ...]

    def reads(self, other: Line, offset: int) -> tuple[slice, slice]:
        """Where place p of this line has place p + offset of the other: slices of this line and of the other."""
        low = max(self.first, other.first - offset)
        high = max(low, min(self.first + self.count, other.first + other.count - offset))
        there = low + offset - other.first
        return slice(low - self.first, high - self.first), slice(there, there + high - low)


@dataclass(frozen=True)
class Taps:
    """What a place p sees: the inputs at p + offset of its own line, the states at p + offset of the line before."""

    inputs: tuple[int, ...]
    states: tuple[int, ...]


def scan(inputs: Tensor, weight: Tensor, bias: Tensor, lines: Sequence[Line], taps: Taps) -> Tensor:
    """The LSTM's outputs for every pixel, (directions, hidden, height · width, batch).

    inputs   (channels, height · width, batch); the batch is innermost, so that a gate, a tap and a diagonal are
             all strides over long runs
    weight   (directions, 4 · hidden, columns), rows for the gates i, f, o and the candidate g, columns for the
             channels at each of the input taps, then the hidden units at each of the state taps
    bias     (directions, 4 · hidden)

    With a = W [inputs; states] + b at a place p, all being zero outside a line: i, f, o = σ(a_i), σ(a_f), σ(a_o),
    g = tanh(a_g), c = f ⊙ c' + i ⊙ g with c' that of place p on the line before, h = o ⊙ tanh(c). van den Oord
    et al. (2016), "Pixel recurrent neural networks", equation 3. The backward pass is written by hand: autograd's
    takes many times longer, as it makes a gradient of the whole picture for every line that is cut from one.
    """
    return _Scan.apply(inputs, weight, bias, lines, taps)  # pyright: ignore[reportReturnType]


class _Step(NamedTuple):
    """What the backward pass needs of a line; each (directions, its own rows, count, batch)."""

    seen: Tensor
    gates: Tensor
    c: Tensor
    tanh_c: Tensor


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor, lines: Sequence[Line], taps: Taps) -> Tensor:
        directions, hidden, (pixels, batch) = weight.shape[0], weight.shape[1] // 4, inputs.shape[1:]
        outputs = inputs.new_empty(directions, hidden, pixels, batch)
        doubled_weight, doubled_bias = _candidate_doubled(weight), _candidate_doubled(bias).unsqueeze(2)
        steps: list[_Step] = []
        h = c = before = None
        for line in lines:
            seen = inputs.new_zeros(directions, weight.shape[2], line.count, batch)
            for part, source in _parts(seen, inputs, h, line, before, taps):
                part.copy_(source)
            gates = torch.baddbmm(doubled_bias, doubled_weight, seen.flatten(2)).sigmoid_()
            gates = gates.view(directions, 4 * hidden, line.count, batch)
            i, f, o, g = gates.chunk(4, dim=1)
            g.mul_(2).sub_(1)
            new_c = i * g
            if before is not None:
                here, there = line.reads(before, 0)
                new_c[:, :, here].addcmul_(f[:, :, here], c[:, :, there])
            tanh_c = new_c.mul(2).sigmoid_().mul_(2).sub_(1)
            h, c, before = o * tanh_c, new_c, line
            _put(outputs, line, h)
            steps.append(_Step(seen, gates, c, tanh_c))
        ctx.save_for_backward(inputs, weight)
        ctx.steps, ctx.lines, ctx.taps = steps, lines, taps
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_outputs: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        inputs, weight = ctx.saved_tensors
        steps, lines = ctx.steps, ctx.lines
        grad_inputs, grad_weight = torch.zeros_like(inputs), torch.zeros_like(weight)
        grad_bias = weight.new_zeros(weight.shape[:2])
        transposed = weight.transpose(1, 2).contiguous()
        grad_h = _get(grad_outputs, lines[-1])
        grad_c = torch.zeros_like(grad_h)
        for t in range(len(lines) - 1, -1, -1):
            line, before = lines[t], lines[t - 1] if t else None
            grad_gates, grad_c = _cell_backward(steps[t], steps[t - 1].c if t else None, grad_h, grad_c, line, before)
            flat = grad_gates.flatten(2)
            grad_weight.baddbmm_(flat, steps[t].seen.flatten(2).transpose(1, 2))
            grad_bias += flat.sum(2)
            grad_seen = torch.bmm(transposed, flat).view(steps[t].seen.shape)
            grad_h = None if before is None else _get(grad_outputs, before)
            for part, target in _parts(grad_seen, grad_inputs, grad_h, line, before, taps=ctx.taps):
                target.add_(part)
        return grad_inputs, grad_weight, grad_bias, None, None


def _candidate_doubled(rows: Tensor) -> Tensor:
    """tanh(a) = 2 σ(2a) − 1, and σ is several times faster than tanh on a CPU."""
    hidden = rows.shape[1] // 4
    return torch.cat([rows[:, : 3 * hidden], 2 * rows[:, 3 * hidden :]], dim=1)


def _cell_backward(
    step: _Step, c_before: Tensor | None, grad_h: Tensor, grad_c: Tensor, line: Line, before: Line | None
) -> tuple[Tensor, Tensor | None]:
    """Gradients of the gates' sums and of the cells before; `grad_h` and `grad_c` are used up."""
    i, f, o, g = step.gates.chunk(4, dim=1)
    grad = torch.empty_like(step.gates)
    grad_i, grad_f, grad_o, grad_g = grad.chunk(4, dim=1)
    torch.mul(grad_h, step.tanh_c, out=grad_o)
    grad_h.mul_(o)
    grad_c.add_(grad_h).addcmul_(grad_h, step.tanh_c.square(), value=-1)
    torch.mul(grad_c, g, out=grad_i)
    torch.mul(grad_c, i, out=grad_g)
    grad_g.addcmul_(grad_g, g.square(), value=-1)
    grad_f.zero_()
    grad_c_before = None
    if before is not None and c_before is not None:
        here, there = line.reads(before, 0)
        torch.mul(grad_c[:, :, here], c_before[:, :, there], out=grad_f[:, :, here])
        grad_c_before = torch.zeros_like(c_before)
        torch.mul(grad_c[:, :, here], f[:, :, here], out=grad_c_before[:, :, there])
    hidden = i.shape[1]
    sigmoids, sums = step.gates[:, : 3 * hidden], grad[:, : 3 * hidden]
    torch.ops.aten.sigmoid_backward.grad_input(sums, sigmoids, grad_input=sums)
    return grad, grad_c_before


def _parts(
    seen: Tensor, inputs: Tensor, h: Tensor | None, line: Line, before: Line | None, taps: Taps
) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs of equal shape: a part of what a line sees, and the inputs or states before that it is a copy of."""
    channels = inputs.shape[0]
    for tap, offset in enumerate(taps.inputs):
        here, there = line.reads(line, offset)
        rows = slice(tap * channels, (tap + 1) * channels)
        for direction, pixels in enumerate(line.pixels):
            yield seen[direction, rows, here], inputs[:, pixels][:, there]
    if h is None or before is None:
        return
    first, hidden = len(taps.inputs) * channels, h.shape[1]
    for tap, offset in enumerate(taps.states):
        here, there = line.reads(before, offset)
        rows = slice(first + tap * hidden, first + (tap + 1) * hidden)
        yield seen[:, rows, here], h[:, :, there]


def _get(pictures: Tensor, line: Line) -> Tensor:
    """A line cut from (directions, channels, height · width, batch)."""
    return torch.stack([pictures[direction, :, pixels] for direction, pixels in enumerate(line.pixels)])


def _put(pictures: Tensor, line: Line, values: Tensor) -> None:
    for direction, pixels in enumerate(line.pixels):
        pictures[direction, :, pixels] = values[direction]

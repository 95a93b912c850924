"""A long short-term memory that goes over a picture line by line, all pixels of a line at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from wavegen.models.autograd import Context, applied
from wavegen.models.networks2d.lines import Line


def scan(inputs: Tensor, weight: Tensor, bias: Tensor, lines: Sequence[Line]) -> Tensor:
    """The LSTM's outputs for every pixel, (directions, hidden, height · width, batch).

    inputs   (channels, height · width, batch); the batch is innermost, so that a gate, a tap and a diagonal are
             all strides over long runs
    weight   (directions, 4 · hidden, columns), rows for the gates i, f, o and the candidate g, columns for the
             channels at each of the input taps, then the hidden units at each of the state taps
    bias     (directions, 4 · hidden)
    lines    the plan made for these sizes and taps

    With a = W [inputs; states] + b at a pixel p of a line, all being zero outside it: i, f, o = σ(a_i), σ(a_f), σ(a_o),
    g = tanh(a_g), c = f ⊙ c' + i ⊙ g with c' that of pixel p on the line before, h = o ⊙ tanh(c). van den Oord
    et al. (2016), "Pixel recurrent neural networks", equation 3. The backward pass is written by hand: autograd's
    takes many times longer, since it makes a gradient of the whole picture for every line cut from one.
    """
    return applied(_Scan, inputs, weight, bias, lines)


class _Step(NamedTuple):
    """A line's values that the next line and the backward pass need, (directions, rows, length, batch) each."""

    gates: Tensor
    c: Tensor
    tanh_c: Tensor
    h: Tensor


class _Context(Context, Protocol):
    steps: list[_Step]
    lines: Sequence[Line]


class _Scan(torch.autograd.Function):
    """`scan`; see there."""

    @staticmethod
    def forward(ctx: _Context, inputs: Tensor, weight: Tensor, bias: Tensor, lines: Sequence[Line]) -> Tensor:
        outputs = inputs.new_empty(weight.shape[0], weight.shape[1] // 4, *inputs.shape[1:])
        doubled_weight = _candidate_doubled(weight)
        doubled_bias = _candidate_doubled(bias).unsqueeze(2)
        memory = _Memory(inputs, weight, lines)
        each_output = outputs.unbind()
        steps: list[_Step] = []
        step = None
        for line in lines:
            sums = torch.baddbmm(doubled_bias, doubled_weight, memory.seen(line, inputs, step))
            step = _cell(sums.view(*sums.shape[:2], line.length, -1), step, line)
            for output, pixels, h in zip(each_output, line.pixels, step.h.unbind(), strict=True):
                output[:, pixels] = h
            steps.append(step)
        ctx.save_for_backward(inputs, weight)
        ctx.steps = steps
        ctx.lines = lines
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: _Context, grad_outputs: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        inputs, weight = ctx.saved_tensors
        steps, lines = ctx.steps, ctx.lines
        grad_inputs = torch.zeros_like(inputs)
        grad_weight = torch.zeros_like(weight)
        grad_bias = weight.new_zeros(weight.shape[:2])
        transposed = weight.transpose(1, 2).contiguous()
        memory = _Memory(inputs, weight, lines)
        each_grad = grad_outputs.unbind()
        grad_h = torch.zeros_like(steps[-1].h)
        grad_c = torch.zeros_like(steps[-1].c)
        for t in reversed(range(len(lines))):
            line = lines[t]
            step = steps[t]
            before = steps[t - 1] if t else None
            for grad_output, pixels, sums in zip(each_grad, line.pixels, grad_h.unbind(), strict=True):
                sums += grad_output[:, pixels]
            grad_sums, grad_c = _cell_backward(step, before, grad_h, grad_c, line)
            grad_sums = grad_sums.flatten(2)
            grad_weight.baddbmm_(grad_sums, memory.seen(line, inputs, before).transpose(1, 2))
            grad_bias += grad_sums.sum(2)
            grad_seen = torch.bmm(transposed, grad_sums).unflatten(2, step.c.shape[2:])
            for direction, rows, here, pixels in line.inputs:
                grad_inputs[:, pixels].add_(grad_seen[direction, rows, here])
            if before is not None:
                grad_h = torch.zeros_like(before.h)
                for rows, here, there in line.states:
                    grad_h[:, :, there].add_(grad_seen[:, rows, here])
        return grad_inputs, grad_weight, grad_bias, None


class _Memory:
    """The inputs of one line after another, in the same memory, which stays in the cache."""

    def __init__(self, inputs: Tensor, weight: Tensor, lines: Sequence[Line]):
        self.directions = weight.shape[0]
        self.columns = weight.shape[2]
        self.batch = inputs.shape[2]
        longest = max(line.length for line in lines)
        self.numbers = inputs.new_empty(self.directions * self.columns * longest * self.batch)

    def seen(self, line: Line, inputs: Tensor, before: _Step | None) -> Tensor:
        """(directions, columns, length · batch), until the next call."""
        size = self.directions * self.columns * line.length * self.batch
        flat = self.numbers[:size].zero_()
        seen = flat.view(self.directions, self.columns, line.length, self.batch)
        for direction, rows, here, pixels in line.inputs:
            seen[direction, rows, here] = inputs[:, pixels]
        if before is not None:
            for rows, here, there in line.states:
                seen[:, rows, here] = before.h[:, :, there]
        return flat.view(self.directions, self.columns, -1)


_MINUS_ONE = torch.tensor(-1.0)  # a tensor, as only torch.add of two of them scales and writes in place


def _candidate_doubled(rows: Tensor) -> Tensor:
    """tanh(a) = 2 σ(2a) − 1, and σ is several times faster than tanh on a CPU."""
    hidden = rows.shape[1] // 4
    return torch.cat([rows[:, : 3 * hidden], 2 * rows[:, 3 * hidden :]], dim=1)


def _cell(sums: Tensor, before: _Step | None, line: Line) -> _Step:
    """The LSTM's equations, computed in place on the gates' sums, of which the candidate's are doubled."""
    gates = sums.sigmoid_()
    i, f, o, g = gates.chunk(4, dim=1)
    torch.add(_MINUS_ONE, g, alpha=2, out=g)
    c = i * g
    if before is not None:
        c[:, :, line.here].addcmul_(f[:, :, line.here], before.c[:, :, line.there])
    tanh_c = c.mul(2).sigmoid_()
    torch.add(_MINUS_ONE, tanh_c, alpha=2, out=tanh_c)
    return _Step(gates, c, tanh_c, o * tanh_c)


def _cell_backward(
    step: _Step, before: _Step | None, grad_h: Tensor, grad_c: Tensor, line: Line
) -> tuple[Tensor, Tensor]:
    """Gradients of the gates' sums and of the cells before; `grad_h` and `grad_c` are used up."""
    hidden = step.c.shape[1]
    i, f, o, g = step.gates.chunk(4, dim=1)
    grad = torch.empty_like(step.gates)
    grad_i, grad_f, grad_o, grad_g = grad.chunk(4, dim=1)
    torch.mul(grad_h, step.tanh_c, out=grad_o)
    grad_h *= o
    grad_c += _tanh_backward(grad_h, step.tanh_c, grad_input=grad_h)
    torch.mul(grad_c, g, out=grad_i)
    torch.mul(grad_c, i, out=grad_g)
    _tanh_backward(grad_g, g, grad_input=grad_g)
    grad_f.zero_()
    grad_c_before = grad_c
    if before is not None:
        torch.mul(grad_c[:, :, line.here], before.c[:, :, line.there], out=grad_f[:, :, line.here])
        grad_c_before = torch.zeros_like(before.c)
        torch.mul(grad_c[:, :, line.here], f[:, :, line.here], out=grad_c_before[:, :, line.there])
    sigmoids = grad[:, : 3 * hidden]
    _sigmoid_backward(sigmoids, step.gates[:, : 3 * hidden], grad_input=sigmoids)
    return grad, grad_c_before


_tanh_backward = torch.ops.aten.tanh_backward.grad_input  # gradient · (1 − y²)
_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input  # gradient · y (1 − y)

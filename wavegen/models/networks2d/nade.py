"""NADE over whole pictures, with a backward pass written by hand."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from wavegen.models.autograd import Context, applied, not_compiled
from wavegen.models.configs.networks2d import NADEConfig
from wavegen.models.networks2d.base import Network2d


class NADE(Network2d):
    """Neural autoregressive distribution estimator: a_d = c + Σ_{k < d} x_k W_k, params_d = b_d + V_d σ(a_d).

    x_k is dimension k of a picture, taken from 0 to 1. All dimensions share the W_k (the tied weights), so that the
    running sum a costs O(dimensions · hidden_size) a picture. Larochelle & Murray (2011), "The neural autoregressive
    distribution estimator", section 3. It is `wavegen.models.networks.nade` with a whole picture for its frame; that
    one keeps the hidden units of every dimension for the backward pass, which for the 784 pixels of a digit takes ten
    times as long.
    """

    name: ClassVar[str] = NADEConfig.name
    of = NADEConfig
    hidden_size: int

    def __init__(self, *sizes: int, **settings: object):
        super().__init__(*sizes, **settings)
        hidden_size, num_params = self.hidden_size, self.num_params
        dimensions = self.height * self.width * self.channels
        self.hidden = nn.Parameter(torch.randn(dimensions - 1, hidden_size) / dimensions**0.5)
        self.hidden_bias = nn.Parameter(torch.zeros(hidden_size))
        self.output = nn.Parameter(torch.randn(dimensions, num_params, hidden_size) / hidden_size**0.5)
        self.output_bias = nn.Parameter(torch.zeros(dimensions, num_params))

    @property
    def macs_per_picture(self) -> int:
        return self.hidden.numel() + self.output.numel()

    def hidden_weights(self) -> list[Tensor]:
        return []

    def forward(self, pictures: Tensor) -> Tensor:
        return self._params(pictures, self.hidden_bias.expand(len(pictures), -1), 0)

    def rows(self, pictures: Tensor, state: tuple[Tensor, int] | None = None) -> tuple[Tensor, tuple[Tensor, int]]:
        """The next rows' parameters, and the next a, (batch, hidden_size), with its dimension."""
        a, first = (self.hidden_bias.expand(len(pictures), -1), 0) if state is None else state
        x = (pictures.flatten(1) + 1) / 2
        weights = self.hidden[first : first + x.shape[1]]  # the last dimension of all has none
        after = a + x[:, : len(weights)] @ weights
        return self._params(pictures, a, first), (after, first + x.shape[1])

    def _params(self, pictures: Tensor, a: Tensor, first: int) -> Tensor:
        x = (pictures.flatten(1) + 1) / 2
        last = first + x.shape[1]
        params = _scan(x, self.hidden[first : last - 1], a, self.output[first:last])
        return (params.transpose(0, 1) + self.output_bias[first:last]).view(*pictures.shape, self.num_params)

    def features(self, pictures: Tensor) -> Tensor:
        """The last hidden units of whole pictures, which see all but the last dimension, (batch, hidden_size)."""
        x = (pictures.flatten(1)[:, :-1] + 1) / 2
        return torch.sigmoid(self.hidden_bias + x @ self.hidden)


class _Scan(torch.autograd.Function):
    """V_d σ(a_d) of all dimensions, (dimensions, batch, num_params), of x (batch, dimensions), W, the first a and V.

    Only the last a is kept: the backward pass subtracts one x_d W_d after the other from it. Pictures in which x_d is
    0, most of them for most d, keep their a and σ(a) from d to d + 1, so that only the rows of the others are computed
    anew; the gradient of an unchanged σ(a) adds up until it changes.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, hidden: Tensor, start: Tensor, output: Tensor) -> Tensor:
        dimensions, num_params, _ = output.shape
        a = start.clone(memory_format=torch.contiguous_format)
        units = torch.sigmoid(a)
        params = x.new_empty(dimensions, len(x), num_params)
        for d, (rows, values) in enumerate(_changes(x)):
            torch.mm(units, output[d].T, out=params[d])
            if len(rows):
                changed = a.index_select(0, rows).addcmul_(values, hidden[d])
                a.index_copy_(0, rows, changed)
                units.index_copy_(0, rows, changed.sigmoid_())
        torch.mm(units, output[-1].T, out=params[-1])
        ctx.save_for_backward(x, hidden, output, a)
        return params

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, *gradients: Tensor) -> tuple[Tensor, ...]:  # pyright: ignore[reportIncompatibleMethodOverride] (torch's has no types)
        x, hidden, output, a = ctx.saved_tensors
        a = a.clone()
        units = torch.sigmoid(a)
        of_params = gradients[0].contiguous()
        of_x = torch.zeros_like(x)
        of_hidden = torch.zeros_like(hidden)
        of_output = torch.empty_like(output)
        of_a = torch.zeros_like(a)
        of_units = torch.zeros_like(a)
        changes = _changes(x)
        for d in range(len(output) - 1, -1, -1):
            torch.mm(of_params[d].T, units, out=of_output[d])
            of_units.addmm_(of_params[d], output[d])
            if not d:
                break
            rows, values = changes[d - 1]
            if ctx.needs_input_grad[0]:  # in tests alone: every row has a gradient at every dimension
                of_a += of_units * units * (1 - units)
                of_units.zero_()
                of_x[:, d - 1] = of_a @ hidden[d - 1]
            if len(rows):
                before = units.index_select(0, rows)
                due = before.mul_(1 - before).mul_(of_units.index_select(0, rows)).add_(of_a.index_select(0, rows))
                of_a.index_copy_(0, rows, due)
                of_units.index_fill_(0, rows, 0)
                torch.mm(values.T, due, out=of_hidden[d - 1 : d])
                changed = a.index_select(0, rows).addcmul_(values, hidden[d - 1], value=-1)
                a.index_copy_(0, rows, changed)
                units.index_copy_(0, rows, changed.sigmoid_())
        of_a += of_units * units * (1 - units)
        return of_x, of_hidden, of_a, of_output


@not_compiled
def _scan(x: Tensor, hidden: Tensor, start: Tensor, output: Tensor) -> Tensor:
    return applied(_Scan, x, hidden, start, output)


def _changes(x: Tensor) -> list[tuple[Tensor, Tensor]]:
    """The rows in which a dimension is not 0, (rows,), and its values there, (rows, 1), for all dimensions but the
    last, on which no other depends.
    """
    columns = x.T[:-1]
    rows = columns.nonzero()[:, 1].split(columns.count_nonzero(dim=1).tolist())
    return [(these, columns[d, these].unsqueeze(1)) for d, these in enumerate(rows)]

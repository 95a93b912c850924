"""What the two PixelRNNs share: a masked convolution, residual LSTM layers and two 1 × 1 convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from wavegen.networks2d.masked import MaskedConv2d, colour_groups, colour_mask
from wavegen.networks2d.scan import Line, Taps, scan


class PixelRNN(nn.Module):
    """A 7 × 7 convolution with mask A, LSTM layers with residual connections, ReLU and 1 × 1 convolutions with mask B.

    van den Oord et al. (2016), "Pixel recurrent neural networks", table 1. An LSTM layer of `hidden_channels`
    reads 2 · hidden_channels feature maps and adds to them.
    """

    name: ClassVar[str]
    taps: ClassVar[Taps]

    def __init__(
        self,
        height: int,
        width: int,
        channels: int,
        levels: int,
        num_params: int,
        *,
        hidden_channels: Annotated[int, Field(ge=1, le=1024)] = 16,
        num_layers: Annotated[int, Field(ge=1, le=64)] = 7,
        head_channels: Annotated[int, Field(ge=1, le=4096)] = 32,
    ):
        super().__init__()
        self.height, self.width, self.channels = height, width, channels
        self.levels, self.num_params = levels, num_params
        self.hidden_channels, self.num_layers, self.head_channels = hidden_channels, num_layers, head_channels
        pictures, features = colour_groups(channels, channels), colour_groups(2 * hidden_channels, channels)
        hidden, head = colour_groups(hidden_channels, channels), colour_groups(head_channels, channels)
        params = pictures.repeat_interleave(num_params)
        self.first = MaskedConv2d(pictures, features, 7, "A")
        lines = self.lines(height, width)
        self.layers = nn.ModuleList(
            ResidualLSTM(features, hidden, lines, self.taps, width) for _ in range(num_layers)
        )
        self.head = Pointwise(features, head)
        self.output = Pointwise(head, params)

    @staticmethod
    def lines(height: int, width: int) -> Sequence[Line]:
        """The lines that the LSTMs go over, one after another."""
        raise NotImplementedError

    def hidden_weights(self) -> list[Tensor]:
        """The matrices between hidden layers, which Muon trains; Adam trains the rest."""
        layers = [weight for layer in self.layers for weight in layer.parameters() if weight.dim() == 2]
        return [*layers, self.head.weight]

    def forward(self, pictures: Tensor) -> Tensor:
        """pictures (batch, height, width, channels) to params (batch, height, width, channels, num_params).

        Inside, features are (channels, height · width, batch), which suits the scan.
        """
        x = self.first(pictures.permute(0, 3, 1, 2)).permute(1, 2, 3, 0).flatten(1, 2).contiguous()
        for layer in self.layers:
            x = layer(x)
        x = self.output(torch.relu(self.head(torch.relu(x))))
        x = x.view(self.channels, self.num_params, self.height, self.width, -1)
        return x.permute(4, 2, 3, 0, 1)


class ResidualLSTM(nn.Module):
    """x + V h, where h are the outputs of an LSTM that scans x in one direction or two.

    The second direction, from the right, is taken from the row above: on its own row it has seen the future.
    """

    mask: Tensor

    def __init__(self, features: Tensor, hidden: Tensor, lines: Sequence[Line], taps: Taps, width: int):
        super().__init__()
        self.lines, self.taps, self.width = lines, taps, width
        directions = len(lines[0].pixels)
        columns = len(taps.inputs) * len(features) + len(taps.states) * len(hidden)
        gates = 4 * len(hidden)
        bound = columns**-0.5
        self.weights = nn.ParameterList(
            torch.empty(gates, columns).uniform_(-bound, bound) for _ in range(directions)
        )
        self.bias = nn.Parameter(torch.zeros(directions, gates))
        self.residual = Pointwise(hidden.repeat(directions), features)
        mask = torch.ones(gates, columns)
        own = taps.inputs.index(0) * len(features)
        mask[:, own : own + len(features)] = colour_mask(hidden.repeat(4), features, "B")
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        weight = torch.stack(list(self.weights)) * self.mask
        h = scan(x, weight, self.bias, self.lines, self.taps)
        if len(h) == 2:
            left, right = h
            above = nn.functional.pad(right[:, : -self.width], (0, 0, self.width, 0))
            h = torch.stack([left, above])
        return x + self.residual(h.flatten(0, 1))


class Pointwise(nn.Module):
    """A 1 × 1 convolution with mask B of (channels, height · width, batch)."""

    mask: Tensor

    def __init__(self, in_groups: Tensor, out_groups: Tensor):
        super().__init__()
        bound = len(in_groups) ** -0.5
        self.weight = nn.Parameter(torch.empty(len(out_groups), len(in_groups)).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(len(out_groups), 1))
        self.register_buffer("mask", colour_mask(out_groups, in_groups, "B"), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.addmm(self.bias, self.weight * self.mask, x.flatten(1))
        return y.view(-1, *x.shape[1:])

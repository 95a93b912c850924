"""The base of the two PixelRNNs: a masked convolution, residual LSTM layers and two 1 × 1 convolutions."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from wavegen.models.autograd import not_compiled
from wavegen.models.network import State
from wavegen.models.networks2d.base import Network2d, rows_anew
from wavegen.models.networks2d.layers import PixelMasks, colour_mask, images
from wavegen.models.networks2d.lines import Span, Taps, plan
from wavegen.models.networks2d.scan import scan

FRONT = 7  # height and width of the first convolution's kernel


class PixelRNN(Network2d):
    """x ← A * picture; layer l: x ← x + V_l LSTM_l(x); params = W₂ relu(W₁ relu(x)).

    A is a 7 × 7 convolution with mask A; all others look at the pixel alone, with mask B. x has 2 · hidden_channels
    features, an LSTM has hidden_channels in each direction. van den Oord et al. (2016), "Pixel recurrent neural
    networks", sections 3.3 and 3.4 and table 1.
    """

    taps: ClassVar[Taps]
    hidden_channels: int
    num_layers: int

    def __init__(self, *sizes: int, **settings: object):
        super().__init__(*sizes, **settings)
        channels, hidden = self.channels, self.hidden_channels
        features = 2 * hidden
        self.front = PixelMasks(channels).conv(channels, features, FRONT, FRONT, itself=False)
        directions = len(self.spans(1, 1)[0].pixels)
        self.layers = nn.ModuleList(
            ResidualLSTM(hidden, channels, self.taps, directions, reads_pixels=directions == 2 and number == 0)
            for number in range(self.num_layers)
        )
        self.head = Pointwise(features, features, channels)
        self.output = Pointwise(features, channels * self.num_params, channels)

    @staticmethod
    @abstractmethod
    def spans(height: int, width: int) -> tuple[Span, ...]:
        """The lines that the LSTMs go over, one after another."""

    def hidden_weights(self) -> list[Tensor]:
        layers = [layer for layer in self.layers.modules() if isinstance(layer, ResidualLSTM)]
        return [*(weight for layer in layers for weight in (*layer.weights, layer.residual.weight)), self.head.weight]

    def forward(self, pictures: Tensor) -> Tensor:
        batch, height, width, channels = pictures.shape
        params = self.output(torch.relu(self.head(torch.relu(self._features(pictures)))))
        return params.view(channels, -1, height, width, batch).permute(4, 2, 3, 0, 1)

    def features(self, pictures: Tensor) -> Tensor:
        """The mean of x over all pixels, (batch, 2 · hidden_channels)."""
        return self._features(pictures).mean(dim=1).T

    def _features(self, pictures: Tensor) -> Tensor:
        """x behind the last layer, (features, height · width, batch)."""
        _, height, width, _ = pictures.shape
        spans = self.spans(height, width)
        # From here on features are (features, height · width, batch), which suits the scan.
        pixels = pictures.permute(3, 1, 2, 0).flatten(1, 2)
        x = self.front(images(pictures)).permute(1, 2, 3, 0).flatten(1, 2).contiguous()
        for layer in self.layers:
            x = layer(x, pixels, spans, width)
        return x

    def rows(self, pictures: Tensor, state: State = None) -> tuple[Tensor, State]:
        """The parameters of the next rows, and the state after them; see `Network2d`."""
        return rows_anew(self, pictures, state)


class ResidualLSTM(nn.Module):
    """x + V h, where h are the outputs of an LSTM that scans x in one direction or two.

    The second direction gives the outputs of the row above, since those of its own row depend on later pixels.
    Features do not depend on their own pixel, so that this would hide a row's last pixel from most of the next row;
    one layer's second direction therefore `reads_pixels` too.
    """

    mask: Tensor | None

    def __init__(self, hidden: int, channels: int, taps: Taps, directions: int, reads_pixels: bool):
        super().__init__()
        self.taps = taps
        self.features = 2 * hidden
        self.hidden = hidden
        columns = len(taps.inputs) * self.features + len(taps.states) * hidden
        self.weights = nn.ParameterList(_uniform(4 * hidden, columns) for _ in range(directions))
        self.bias = nn.Parameter(torch.zeros(directions * 4 * hidden))
        self.from_pixels = _uniform(4 * hidden, channels) if reads_pixels else None
        self.residual = Pointwise(directions * hidden, self.features, channels, parts=directions)
        mask = None
        if channels > 1:
            mask = torch.ones(4 * hidden, columns, device="cpu")
            itself = taps.inputs.index(0) * self.features
            hides = colour_mask(self.features, hidden, channels, itself=True).repeat(4, 1)
            mask[:, itself : itself + self.features] = hides
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor, pixels: Tensor, spans: tuple[Span, ...], width: int) -> Tensor:
        """x (features, height · width, batch) to the same, with pixels (channels, height · width, batch)."""
        weight = torch.stack(list(self.weights))
        weight = weight if self.mask is None else weight * self.mask
        inputs = x
        if self.from_pixels is not None:
            inputs = torch.cat([x, pixels])
            of_pixels = torch.stack([torch.zeros_like(self.from_pixels), self.from_pixels])
            weight = torch.cat([weight[:, :, : self.features], of_pixels, weight[:, :, self.features :]], dim=2)
        h = _scanned(inputs, weight, self.bias.view(len(weight), -1), spans, self.taps, self.hidden)
        if len(h) == 2:
            above = nn.functional.pad(h[1, :, :-width], (0, 0, width, 0))
            h = torch.stack([h[0], above])
        return self.residual(h.flatten(0, 1), onto=x)


@not_compiled
def _scanned(inputs: Tensor, weight: Tensor, bias: Tensor, spans: tuple[Span, ...], taps: Taps, hidden: int) -> Tensor:
    return scan(inputs, weight, bias, plan(spans, taps, len(inputs), hidden))


class Pointwise(nn.Module):
    """A 1 × 1 convolution with mask B of (features, height · width, batch).

    Each of as many `parts` of the inputs has the groups of all channels.
    """

    mask: Tensor | None

    def __init__(self, in_features: int, out_features: int, channels: int, parts: int = 1):
        super().__init__()
        self.weight = _uniform(out_features, in_features)
        self.bias = nn.Parameter(torch.zeros(out_features))
        mask = None
        if channels > 1:
            mask = colour_mask(in_features // parts, out_features, channels, itself=True).repeat(1, parts)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor, onto: Tensor | None = None) -> Tensor:
        """The convolution of x, added to `onto`."""
        weight = self.weight if self.mask is None else self.weight * self.mask
        if onto is None:
            y = torch.addmm(self.bias.unsqueeze(1), weight, x.flatten(1))
        else:
            y = torch.addmm(onto.flatten(1), weight, x.flatten(1)).add_(self.bias.unsqueeze(1))
        return y.view(-1, *x.shape[1:])


def _uniform(rows: int, columns: int) -> nn.Parameter:
    return nn.Parameter(torch.empty(rows, columns).uniform_(-(columns**-0.5), columns**-0.5))

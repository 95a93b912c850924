"""Gated PixelCNN: a stack for the rows above and one for the row itself, without a blind spot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from wavegen.models.configs.networks2d import GatedPixelCNNConfig
from wavegen.models.networks2d.base import Network2d
from wavegen.models.networks2d.layers import MaskedConv2d, PixelMasks, grid_of, images


class _Layer(nn.Module):
    """v' = gate(V * v), h' = H * h + L (V * v), gate(a, b) = tanh(a) ⊙ σ(b), x ← R gate(h').

    V covers the rows above in the first layer, and in later ones, whose v tells of rows above already, the pixel's
    own row too. H covers the pixels to the left, in later layers the pixel itself too.
    """

    def __init__(self, channels: int, in_features: int, hidden: int, kernel_size: int, first: bool):
        super().__init__()
        masks = PixelMasks(channels)
        rows_above = kernel_size // 2 + (not first)
        self.vertical = MaskedConv2d(in_features, 2 * hidden, (kernel_size, kernel_size), rows_above * kernel_size)
        self.horizontal = masks.conv(in_features, 2 * hidden, 1, kernel_size, itself=not first, parts=2)
        self.down = MaskedConv2d(2 * hidden, 2 * hidden, (1, 1), 1)
        self.residual = masks.conv(hidden, hidden, 1, 1)

    def forward(self, v: Tensor, h: Tensor, history: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        above, history = self.vertical.rows(v, history)
        z = _gated(self.horizontal(h) + self.down(above))
        return _gated(above), self.residual(z), history


def _gated(x: Tensor) -> Tensor:
    filtered, gate = x.chunk(2, dim=1)
    return torch.tanh(filtered) * torch.sigmoid(gate)


class GatedPixelCNN(Network2d):
    """Stacks v of all rows above a pixel, v ← gate(V * v), and h of its own row: h ← h + R gate(H * h + L (V * v)).

    gate(a, b) = tanh(a) ⊙ σ(b); params = W₂ relu(W₁ relu(h)). Both stacks have `hidden_channels` features. van den
    Oord et al. (2016), "Conditional image generation with PixelCNN decoders", sections 2.1 and 2.2: what h sees of
    v is all above, so that there is no blind spot. The first layer has `first_kernel_size` and no residual
    connection.
    """

    name: ClassVar[str] = GatedPixelCNNConfig.name
    of = GatedPixelCNNConfig
    takes_bfloat16: ClassVar[bool] = True
    hidden_channels: int
    num_layers: int
    kernel_size: int
    first_kernel_size: int

    def __init__(self, *sizes: int, **settings: object):
        super().__init__(*sizes, **settings)
        channels, hidden = self.channels, self.hidden_channels
        masks = PixelMasks(channels)
        self.front = _Layer(channels, channels, hidden, self.first_kernel_size, first=True)
        self.layers = nn.ModuleList(
            _Layer(channels, hidden, hidden, self.kernel_size, first=False) for _ in range(self.num_layers)
        )
        self.head = masks.conv(hidden, 2 * hidden, 1, 1)
        self.output = masks.conv(2 * hidden, channels * self.num_params, 1, 1)

    def hidden_weights(self) -> list[Tensor]:
        convolutions = [part for part in self.layers.modules() if isinstance(part, MaskedConv2d)]
        inner = [self.front.down, self.front.residual, *convolutions, self.head]
        return [conv.weight for conv in inner]

    def rows(self, pictures: Tensor, state: Sequence[Tensor] | None = None) -> tuple[Tensor, list[Tensor]]:
        """The next rows' parameters, and the history of each vertical convolution."""
        h, after = self._features(pictures, state)
        return grid_of(self.output(torch.relu(self.head(torch.relu(h)))), self.channels), after

    def features(self, pictures: Tensor) -> Tensor:
        """The mean of h over all pixels, (batch, features)."""
        return self._features(pictures, None)[0].mean(dim=(2, 3))

    def _features(self, pictures: Tensor, state: Sequence[Tensor] | None) -> tuple[Tensor, list[Tensor]]:
        """h behind the last layer, (batch, features, rows, width), and the next state."""
        histories = [None] * (1 + len(self.layers)) if state is None else state
        x = images(pictures)
        v, h, history = self.front(x, x, histories[0])
        after = [history]
        for layer, history in zip(self.layers, histories[1:], strict=True):
            with self.rounding(h.device.type):
                v, change, history = layer(v, h, history)
            h = h + change
            after.append(history)
        return h, after

"""PixelCNN: a stack of masked convolutions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from wavegen.models.configs.networks2d import PixelCNNConfig
from wavegen.models.networks2d.base import Network2d
from wavegen.models.networks2d.layers import MaskedConv2d, PixelMasks, grid_of, images


class _Residual(nn.Sequential):
    """V relu(B * relu(U relu(x))), which is added to x; rectifiers and convolutions in the order of their use."""

    def __init__(self, masks: PixelMasks, hidden: int, kernel_size: int):
        narrow = masks.conv(2 * hidden, hidden, 1, 1)
        around = masks.conv(hidden, hidden, kernel_size, kernel_size)
        widen = masks.conv(hidden, 2 * hidden, 1, 1)
        super().__init__(nn.ReLU(), narrow, nn.ReLU(), around, nn.ReLU(), widen)

    def rows(self, x: Tensor, history: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """The next rows, (batch, 2 · hidden, rows, width), below those of B's `history`; and the next history."""
        for number, part in enumerate(self):
            if number == 3:
                x, history = cast(MaskedConv2d, part).rows(x, history)
            else:
                x = part(x)
        return x, history


class PixelCNN(Network2d):
    """x ← A * picture; layer l: x ← x + V_l relu(B_l * relu(U_l relu(x))); params = W₂ relu(W₁ relu(x)).

    A is a convolution of `first_kernel_size` with mask A, B_l one of `kernel_size` with mask B, all others look at
    the pixel alone. x has 2 · hidden_channels features, inside a layer there are half as many. van den Oord et al.
    (2016), "Pixel recurrent neural networks", sections 3.3 to 3.5. Stacked masks leave a blind spot above a pixel, to
    its right; `gated-pixelcnn` has none.
    """

    name: ClassVar[str] = PixelCNNConfig.name
    of = PixelCNNConfig
    takes_bfloat16: ClassVar[bool] = True
    hidden_channels: int
    num_layers: int
    kernel_size: int
    first_kernel_size: int

    def __init__(self, *sizes: int, **settings: object):
        super().__init__(*sizes, **settings)
        channels, hidden, first = self.channels, self.hidden_channels, self.first_kernel_size
        masks = PixelMasks(channels)
        self.front = masks.conv(channels, 2 * hidden, first, first, itself=False)
        self.layers = nn.ModuleList(_Residual(masks, hidden, self.kernel_size) for _ in range(self.num_layers))
        self.head = masks.conv(2 * hidden, 2 * hidden, 1, 1)
        self.output = masks.conv(2 * hidden, channels * self.num_params, 1, 1)

    def hidden_weights(self) -> list[Tensor]:
        convolutions = [part for part in self.layers.modules() if isinstance(part, MaskedConv2d)]
        return [conv.weight for conv in (*convolutions, self.head)]

    def rows(
        self, pictures: Tensor, state: Sequence[Tensor | None] | None = None
    ) -> tuple[Tensor, list[Tensor | None]]:
        """The next rows' parameters, and the history of each convolution."""
        x, after = self._features(pictures, state)
        return grid_of(self.output(torch.relu(self.head(torch.relu(x)))), self.channels), after

    def features(self, pictures: Tensor) -> Tensor:
        """The mean of x over all pixels, (batch, features)."""
        return self._features(pictures, None)[0].mean(dim=(2, 3))

    def _features(self, pictures: Tensor, state: Sequence[Tensor | None] | None) -> tuple[Tensor, list[Tensor | None]]:
        """x behind the last layer, (batch, features, rows, width), and the next state."""
        histories = [None] * (1 + len(self.layers)) if state is None else state
        x, history = self.front.rows(images(pictures), histories[0])
        after: list[Tensor | None] = [history]
        for layer, history in zip(cast(Iterable[_Residual], self.layers), histories[1:], strict=True):
            with self.rounding(x.device.type):
                change, history = layer.rows(x, history)
            x = x + change
            after.append(history)
        return x, after

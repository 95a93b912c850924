"""PixelCNN: a stack of masked convolutions."""

from __future__ import annotations

import contextlib
from typing import Annotated, ClassVar

import torch
from pydantic import AfterValidator, Field
from torch import Tensor, nn

from wavegen.networks2d.layers import MaskedConv2d, PixelMasks, grid_of, images


def _odd(size: int) -> int:
    if size % 2 == 0:
        raise ValueError(f"= {size}: should be odd, so that a pixel is in the middle")
    return size


Width = Annotated[int, Field(ge=4, le=4096)]
Layers = Annotated[int, Field(ge=1, le=256)]
OddSize = Annotated[int, Field(ge=3, le=31), AfterValidator(_odd)]


def within_layers(device: str, bfloat16: bool) -> contextlib.AbstractContextManager[object]:
    """What a layer's own products are computed in: the stream that they add to is never rounded."""
    return torch.autocast(device, torch.bfloat16) if bfloat16 else contextlib.nullcontext()


class PixelCNN(nn.Module):
    """x ← A * picture; layer l: x ← x + V_l relu(B_l * relu(U_l relu(x))); params = W₂ relu(W₁ relu(x)).

    A is a convolution of `first_kernel_size` with mask A, B_l one of `kernel_size` with mask B, all others look at
    the pixel alone. x has 2 · hidden_channels features, inside a layer there are half as many. van den Oord et al.
    (2016), "Pixel recurrent neural networks", sections 3.3 to 3.5. Stacked masks leave a blind spot above a pixel, to
    its right; `gated-pixelcnn` has none.
    """

    name: ClassVar[str] = "pixelcnn"
    bfloat16_layers = False

    def __init__(
        self,
        height: int,
        width: int,
        channels: int,
        levels: int,
        num_params: int,
        *,
        hidden_channels: Width = 32,
        num_layers: Layers = 7,
        kernel_size: OddSize = 3,
        first_kernel_size: OddSize = 7,
    ):
        super().__init__()
        self.channels, self.pixels = channels, height * width
        self.hidden_channels, self.num_layers = hidden_channels, num_layers
        self.kernel_size, self.first_kernel_size = kernel_size, first_kernel_size
        masks, hidden = PixelMasks(channels), hidden_channels
        self.front = masks.conv(channels, 2 * hidden, first_kernel_size, first_kernel_size, itself=False)
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.ReLU(),
                masks.conv(2 * hidden, hidden, 1, 1),
                nn.ReLU(),
                masks.conv(hidden, hidden, kernel_size, kernel_size),
                nn.ReLU(),
                masks.conv(hidden, 2 * hidden, 1, 1),
            )
            for _ in range(num_layers)
        )
        self.head = masks.conv(2 * hidden, 2 * hidden, 1, 1)
        self.output = masks.conv(2 * hidden, channels * num_params, 1, 1)

    @property
    def macs_per_picture(self) -> int:
        return self.pixels * sum(weight.numel() for weight in self.parameters() if weight.dim() == 2)

    def hidden_weights(self) -> list[Tensor]:
        convolutions = [part for part in self.layers.modules() if isinstance(part, MaskedConv2d)]
        return [conv.weight for conv in (*convolutions, self.head)]

    def forward(self, pictures: Tensor) -> Tensor:
        """pictures (batch, rows, width, channels) to params (batch, rows, width, channels, num_params)."""
        x = self.front(images(pictures))
        for layer in self.layers:
            with within_layers(x.device.type, self.bfloat16_layers):
                change = layer(x)
            x = x + change
        return grid_of(self.output(torch.relu(self.head(torch.relu(x)))), self.channels)

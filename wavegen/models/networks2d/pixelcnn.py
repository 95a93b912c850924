"""PixelCNN: a stack of masked convolutions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from typing import Annotated, ClassVar, cast

import torch
from pydantic import AfterValidator, Field
from torch import Tensor, nn

from wavegen.models.networks2d.layers import MaskedConv2d, PixelMasks, grid_of, images


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


class _Residual(nn.Sequential):
    """V relu(B * relu(U relu(x))), which is added to x; rectifiers and convolutions in the order of their use."""

    def __init__(self, masks: PixelMasks, hidden: int, kernel_size: int):
        narrow = masks.conv(2 * hidden, hidden, 1, 1)
        around = masks.conv(hidden, hidden, kernel_size, kernel_size)
        widen = masks.conv(hidden, 2 * hidden, 1, 1)
        super().__init__(nn.ReLU(), narrow, nn.ReLU(), around, nn.ReLU(), widen)

    def rows(self, x: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """The next rows, (batch, 2 · hidden, rows, width), below the `past` ones that B sees; and the next past."""
        for number, part in enumerate(self):
            if number == 3:
                x, past = cast(MaskedConv2d, part).rows(x, past)
            else:
                x = part(x)
        return x, past


class PixelCNN(nn.Module):
    """x ← A * picture; layer l: x ← x + V_l relu(B_l * relu(U_l relu(x))); params = W₂ relu(W₁ relu(x)).

    A is a convolution of `first_kernel_size` with mask A, B_l one of `kernel_size` with mask B, all others look at
    the pixel alone. x has 2 · hidden_channels features, inside a layer there are half as many. van den Oord et al.
    (2016), "Pixel recurrent neural networks", sections 3.3 to 3.5. Stacked masks leave a blind spot above a pixel, to
    its right; `gated-pixelcnn` has none.
    """

    name: ClassVar[str] = "pixelcnn"
    takes_bfloat16: ClassVar[bool] = True
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
        self.layers = nn.ModuleList(_Residual(masks, hidden, kernel_size) for _ in range(num_layers))
        self.head = masks.conv(2 * hidden, 2 * hidden, 1, 1)
        self.output = masks.conv(2 * hidden, channels * num_params, 1, 1)

    @property
    def macs_per_picture(self) -> int:
        return self.pixels * sum(weight.numel() for weight in self.parameters() if weight.dim() == 2)

    def hidden_weights(self) -> list[Tensor]:
        convolutions = [part for part in self.layers.modules() if isinstance(part, MaskedConv2d)]
        return [conv.weight for conv in (*convolutions, self.head)]

    def forward(self, pictures: Tensor) -> Tensor:
        """pictures (batch, height, width, channels) to params (batch, height, width, channels, num_params)."""
        return self.rows(pictures)[0]

    def rows(
        self, pictures: Tensor, state: Sequence[Tensor | None] | None = None
    ) -> tuple[Tensor, list[Tensor | None]]:
        """The next rows' parameters, and what the rows after them need of these: the past of each convolution."""
        x, after = self._features(pictures, state)
        return grid_of(self.output(torch.relu(self.head(torch.relu(x)))), self.channels), after

    def features(self, pictures: Tensor) -> Tensor:
        """The mean of x over all pixels, (batch, features)."""
        return self._features(pictures, None)[0].mean(dim=(2, 3))

    def _features(self, pictures: Tensor, state: Sequence[Tensor | None] | None) -> tuple[Tensor, list[Tensor | None]]:
        """x behind the last layer, (batch, features, rows, width), and the next state."""
        pasts = [None] * (1 + len(self.layers)) if state is None else state
        x, past = self.front.rows(images(pictures), pasts[0])
        after: list[Tensor | None] = [past]
        for layer, past in zip(cast(Iterable[_Residual], self.layers), pasts[1:], strict=True):
            with within_layers(x.device.type, self.bfloat16_layers):
                change, past = layer.rows(x, past)
            x = x + change
            after.append(past)
        return x, after

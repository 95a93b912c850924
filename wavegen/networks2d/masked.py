"""Convolutions over pictures that see only what comes before, in raster order and colour by colour."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def colour_groups(channels: int, colours: int) -> Tensor:
    """The colour that each of `channels` feature maps belongs to: consecutive groups, as equal as they can be."""
    return torch.arange(channels) * colours // channels


def colour_mask(out_groups: Tensor, in_groups: Tensor, kind: str) -> Tensor:
    """(out, in), 1 where one pixel's features of a colour may see those of another: "A" earlier ones, "B" also its own.

    van den Oord et al. (2016), "Pixel recurrent neural networks", section 3.4.
    """
    out_groups, in_groups = out_groups.unsqueeze(1), in_groups.unsqueeze(0)
    return (in_groups < out_groups if kind == "A" else in_groups <= out_groups).float()


class MaskedConv2d(nn.Conv2d):
    """A square convolution that sees the rows above, the pixels to the left and, by its mask's kind, the pixel itself."""

    mask: Tensor

    def __init__(self, in_groups: Tensor, out_groups: Tensor, kernel_size: int, kind: str):
        super().__init__(len(in_groups), len(out_groups), kernel_size, padding=kernel_size // 2)
        middle = kernel_size // 2
        mask = torch.zeros_like(self.weight)
        mask[:, :, :middle] = 1
        mask[:, :, middle, :middle] = 1
        mask[:, :, middle, middle] = colour_mask(out_groups, in_groups, kind)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channels, height, width) to the same with the output's channels."""
        return self._conv_forward(input, self.weight * self.mask, self.bias)

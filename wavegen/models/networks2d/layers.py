"""Masked convolutions, whose output at a pixel depends on pixels before it alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def colour_mask(in_features: int, out_features: int, channels: int, itself: bool) -> Tensor:
    """Which features of a pixel others of that pixel may see, (out_features, in_features) of 0 and 1.

    Features are cut into as many groups as there are channels, those of R, of G and of B in this order. A group sees
    the groups before it, and its own if `itself`: masks B and A of van den Oord et al. (2016), "Pixel recurrent
    neural networks", section 3.4.
    """
    of_input, of_output = (torch.arange(size, device="cpu") * channels // size for size in (in_features, out_features))
    return (of_input < of_output.unsqueeze(1) + itself).float()


class MaskedConv2d(nn.Module):
    """A convolution with the first `taps` positions of its kernel, row by row; the others are masked.

    x (batch, in_features, height, width) to (batch, out_features, height, width), zeros lying around the picture.
    `mask`, (out_features, in_features), hides features of the last tap, where that is the pixel itself. Weights are
    one matrix, (out_features, taps · in_features), in which, but for a mask's, nothing is hidden: so Muon trains it
    as it does all matrices. The kernel that is made of it has its channels last, which on a CPU is the fastest.
    """

    mask: Tensor | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        kernel_size: tuple[int, int],
        taps: int,
        mask: Tensor | None = None,
    ):
        super().__init__()
        self.in_features, self.kernel_size, self.taps = in_features, kernel_size, taps
        bound = (taps * in_features) ** -0.5
        self.weight = nn.Parameter(torch.empty(out_features, taps * in_features).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(out_features))
        if mask is not None:
            mask = torch.cat([torch.ones(out_features, (taps - 1) * in_features, device="cpu"), mask], dim=1)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.rows(x, None)[0]

    def rows(self, x: Tensor, history: Tensor | None) -> tuple[Tensor, Tensor]:
        """The next rows x, (batch, in_features, rows, width), below the rows of `history`; None is the top.

        Returns (batch, out_features, rows, width) and the next history.
        """
        rows, columns = self.kernel_size
        weight = self.weight if self.mask is None else self.weight * self.mask
        hidden = (rows * columns - self.taps) * self.in_features
        kernel = nn.functional.pad(weight, (0, hidden)).view(-1, rows, columns, self.in_features).permute(0, 3, 1, 2)
        above, beside = rows // 2, columns // 2
        if history is None:  # in training: all at once, nothing to concatenate
            y = nn.functional.conv2d(x, kernel, self.bias, padding=(above, beside))
            x = nn.functional.pad(x, (0, 0, above, 0)) if x.shape[2] < above else x
        else:
            x = torch.cat([history, x], dim=2)
            y = nn.functional.conv2d(x, kernel[:, :, : above + 1], self.bias, padding=(0, beside))
        return y, x[:, :, x.shape[2] - above :]


class PixelMasks:
    """Masked convolutions of pictures with so many channels, of which there are masks only if they are several."""

    def __init__(self, channels: int):
        self.channels = channels

    def conv(
        self, in_features: int, out_features: int, rows: int, columns: int, itself: bool = True, parts: int = 1
    ) -> MaskedConv2d:
        """Of the rows × columns around a pixel those up to it, with its own channel if `itself` (mask B; else A).

        Each of as many `parts` of the outputs has the groups of all channels.
        """
        several = self.channels > 1
        taps = rows * columns // 2 + (several or itself)
        mask = None
        if several:
            mask = colour_mask(in_features, out_features // parts, self.channels, itself).repeat(parts, 1)
        return MaskedConv2d(in_features, out_features, (rows, columns), taps, mask)


def images(pictures: Tensor) -> Tensor:
    """(batch, height, width, channels) to (batch, channels, height, width), the channels still last in memory."""
    return pictures.permute(0, 3, 1, 2)


def grid_of(features: Tensor, channels: int) -> Tensor:
    """(batch, channels · num_params, height, width) to (batch, height, width, channels, num_params)."""
    return features.permute(0, 2, 3, 1).unflatten(3, (channels, -1))

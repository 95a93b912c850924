"""What every network of pictures promises."""

from __future__ import annotations

from typing import ClassVar, Protocol

from torch import Tensor


class Network2d(Protocol):
    """Maps a picture to the parameters of each of its dimensions' distributions.

    pictures (batch, rows, width, channels) float from −1 to 1, the first rows of pictures, in training all
    params   (batch, rows, width, channels, num_params); those of a dimension see only dimensions before it:
             row by row, pixel by pixel, a pixel's channels in their order

    It is made of height, width, channels, levels and num_params; its keyword-only arguments are a recipe's keys.
    """

    name: ClassVar[str]  # what a recipe calls it
    bfloat16_layers: bool  # set while training on a GPU

    @property
    def macs_per_picture(self) -> int:
        """Multiply-adds of one forward pass; what a mask hides is not counted."""
        ...

    def hidden_weights(self) -> list[Tensor]:
        """The matrices between hidden layers, which Muon trains; Adam trains the rest."""
        ...

    def __call__(self, pictures: Tensor) -> Tensor: ...

"""What every network of pictures promises."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

State = Any  # whatever a network hands itself from rows to rows


class Network2d(Protocol):
    """Maps a picture to the parameters of each of its dimensions' distributions.

    pictures (batch, height, width, channels) float from −1 to 1
    params   (batch, height, width, channels, num_params); those of a dimension see only dimensions before it:
             row by row, pixel by pixel, a pixel's channels in their order

    It is made of height, width, channels, levels and num_params; its keyword-only arguments are a recipe's keys.
    """

    name: ClassVar[str]  # what a recipe calls it
    takes_bfloat16: ClassVar[bool]  # whether it can compute products inside its layers so
    bfloat16_layers: bool  # set while training

    @property
    def macs_per_picture(self) -> int:
        """Multiply-adds of one forward pass; what a mask hides is not counted."""
        ...

    def hidden_weights(self) -> list[Tensor]:
        """The matrices between hidden layers, which Muon trains; Adam trains the rest."""
        ...

    def features(self, pictures: Tensor) -> Tensor:
        """What the last layers compute the parameters from, averaged over a picture's pixels, (batch, features)."""
        ...

    def __call__(self, pictures: Tensor) -> Tensor: ...

    def rows(self, pictures: Tensor, state: State = None) -> tuple[Tensor, State]:
        """The parameters of the next rows, (batch, rows, width, channels), and the state after them; None is the top.

        Any cut of pictures into stretches of rows gives the same parameters up to rounding.
        """
        ...


def rows_anew(network: Network2d, pictures: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
    """`rows` of a network that knows no better than to go through all rows again, which are its state."""
    above = pictures[:, :0] if state is None else state
    whole = torch.cat([above, pictures], dim=1)
    return network(whole)[:, above.shape[1] :], whole

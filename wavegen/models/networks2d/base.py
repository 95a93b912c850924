"""The base of every network of pictures."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from wavegen.models.configs.networks2d import Network2dConfig
from wavegen.models.network import BaseNetwork, State


class Network2d(BaseNetwork):
    """Maps a picture to the parameters of each of its dimensions' distributions.

    pictures (batch, height, width, channels) float from −1 to 1
    params   (batch, height, width, channels, num_params); those of a dimension see only dimensions before it:
             row by row, pixel by pixel, a pixel's channels in their order

    It is made of height, width, channels, levels, `num_params` and the settings of its config as keywords.
    """

    of: ClassVar[Callable[..., Network2dConfig]]
    config: Network2dConfig
    height: int
    width: int
    channels: int
    num_params: int

    @property
    def macs_per_picture(self) -> int:
        """Multiply-adds of one forward pass, in which each matrix is used once a pixel, whatever a mask hides."""
        return self.height * self.width * sum(weight.numel() for weight in self.parameters() if weight.dim() == 2)

    @abstractmethod
    def features(self, pictures: Tensor) -> Tensor:
        """The input of the last layers, averaged over a picture's pixels, (batch, features)."""

    def forward(self, pictures: Tensor) -> Tensor:
        """pictures (batch, height, width, channels) to params (batch, height, width, channels, num_params)."""
        return self.rows(pictures)[0]

    @abstractmethod
    def rows(self, pictures: Tensor, state: State = None) -> tuple[Tensor, State]:
        """The parameters of the next rows, (batch, rows, width, channels), and the state after them; None is the top.

        Any cut of pictures into stretches of rows gives the same parameters up to rounding.
        """


def rows_anew(network: Network2d, pictures: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
    """`rows` of a network that goes through all rows again, which are its state."""
    above = pictures[:, :0] if state is None else state
    whole = torch.cat([above, pictures], dim=1)
    return network(whole)[:, above.shape[1] :], whole

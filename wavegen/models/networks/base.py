"""The base of every one-dimensional network."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar

from torch import Tensor, nn

from wavegen.models.conditioning import Condition
from wavegen.models.configs.networks import NetworkConfig
from wavegen.models.network import BaseNetwork, State


class Network(BaseNetwork):
    """Maps the history of a recording to the parameters of the next sample's distribution.

    inputs     (batch, time, input_channels) float; inputs[:, t] describes sample t − 1
    condition  an encoded row for each sample, or one for all, if there are `condition_channels`
    params     (batch, time, num_params); params[:, t] sees inputs[:, ≤ t], the sample's row and the state

    Any cut of a sequence into chunks gives the same parameters up to rounding. It is made of `input_channels`,
    `num_params`, `condition_channels` and the settings of its config as keywords.
    """

    of: ClassVar[Callable[..., NetworkConfig]]
    config: NetworkConfig
    input_channels: int
    num_params: int
    condition_channels: int

    def condition_layers(self) -> nn.ModuleList:
        """The maps from an encoded condition to the vectors that are added to the pre-activations, without bias."""
        widths = self.config.condition_widths if self.condition_channels else ()
        return nn.ModuleList(nn.Linear(self.condition_channels, width, bias=False) for width in widths)

    @property
    def receptive_field(self) -> int | None:
        """How many inputs params[:, t] sees at most, inputs[:, t] included; None: all."""
        return self.config.receptive_field

    @property
    def alignment(self) -> int:
        """The frame size of a network that works in frames, else 1."""
        return self.config.alignment

    @property
    def macs_per_sample(self) -> int:
        """Multiply-adds to step one sample."""
        return self.config.macs_per_sample

    @abstractmethod
    def initial_state(self, batch_size: int) -> State:
        """The state at the start of a file, the same in training, scoring and sampling."""

    @abstractmethod
    def features(self, inputs: Tensor, state: State = None, condition: Condition | None = None) -> tuple[Tensor, State]:
        """The input of the last layers, (batch, time, channels), and the next state."""

    @abstractmethod
    def forward(self, inputs: Tensor, state: State = None, condition: Condition | None = None) -> tuple[Tensor, State]:
        """inputs (batch, time, input_channels) to params (batch, time, num_params) and the next state."""

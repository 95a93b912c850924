"""What every one-dimensional network promises."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

from torch import Tensor, nn

from wavegen.models.configs.base import keywords_of
from wavegen.models.configs.networks import NetworkConfig

State = Any  # whatever a network hands itself from chunk to chunk: a tensor or a (nested) tuple of tensors


class Network(Protocol):
    """Maps what is known of the past to the parameters of the next sample's distribution.

    inputs   (batch, time, input_channels) float; inputs[:, t] describes sample t − 1
    params   (batch, time, num_params); params[:, t] sees inputs[:, ≤ t] and the state

    Any cut of a sequence into chunks gives the same parameters up to rounding.
    """

    name: ClassVar[str]  # what a recipe calls it
    config: NetworkConfig
    input_channels: int
    takes_bfloat16: ClassVar[bool]  # whether it can compute products inside its layers so
    bfloat16_layers: bool  # set while training
    own_backward: bool  # set while training; only a WaveNet takes notice

    @property
    def receptive_field(self) -> int | None:
        """How many inputs params[:, t] sees at most, inputs[:, t] included; None: all."""
        ...

    @property
    def alignment(self) -> int:
        """The frame size of a network that works in frames, else 1."""
        ...

    @property
    def macs_per_sample(self) -> int:
        """Multiply-adds to step one sample."""
        ...

    def hidden_weights(self) -> list[Tensor]:
        """The matrices between hidden layers, which Muon trains; Adam trains the rest."""
        ...

    def initial_state(self, batch_size: int) -> State:
        """What every file starts from, in training, scoring and sampling alike."""
        ...

    def features(self, inputs: Tensor, state: State = None) -> tuple[Tensor, State]:
        """What the last layers compute the parameters from, (batch, time, channels), and the next state."""
        ...

    def __call__(self, inputs: Tensor, state: State = None) -> tuple[Tensor, State]: ...


class NetworkModule(nn.Module):
    """What every one-dimensional network has from its config: settings as attributes, sizes and costs.

    A network is made of `input_channels`, `num_params` and the config's settings as keywords.
    """

    name: ClassVar[str]
    takes_bfloat16: ClassVar[bool] = False
    bfloat16_layers = own_backward = False

    def __init__(self, config: NetworkConfig):
        super().__init__()
        self.config = config
        self.input_channels, self.num_params = config.input_channels, config.num_params
        for keyword in keywords_of(type(config)):
            setattr(self, keyword.name, getattr(config, keyword.name))

    @property
    def receptive_field(self) -> Any:
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

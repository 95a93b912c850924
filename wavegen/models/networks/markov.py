"""A perceptron over the last samples: the chain rule cut at a fixed order."""

from __future__ import annotations

import itertools
from typing import Any, ClassVar, cast

from torch import Tensor, nn

from wavegen.models.configs.networks import MarkovConfig
from wavegen.models.networks.base import NetworkModule
from wavegen.models.networks.layers import CausalConv


class Markov(NetworkModule):
    """p(x_t | x_<t) = p(x_t | the last `order` inputs): params = W_n relu(… relu(W_1 inputs + b_1) …) + b_n.

    A multilayer perceptron with the layers `hidden_sizes` over `order` inputs; the neural probabilistic
    language model of Bengio et al. (2003), section 2, for audio. Without hidden layers the parameters are
    linear in the inputs: with a mixture whose location is so given, the classical autoregressive model.
    """

    name: ClassVar[str] = MarkovConfig.name
    order: int
    hidden_sizes: tuple[int, ...]

    def __init__(self, input_channels: int, num_params: int, **settings: Any):
        super().__init__(MarkovConfig(input_channels, num_params, **settings))
        sizes = (*self.hidden_sizes, num_params)
        self.front = CausalConv(input_channels, sizes[0], self.order)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))

    def hidden_weights(self) -> list[Tensor]:
        return [cast(nn.Linear, layer).weight for layer in self.layers[:-1]]

    def initial_state(self, batch_size: int) -> Tensor:
        return self.front.initial_state(batch_size)

    def forward(self, inputs: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """inputs (batch, time, input_channels) to params (batch, time, num_params) and the next state."""
        x, past = self.features(inputs, state)
        return self.layers[-1](x.relu()) if self.layers else x, past

    def features(self, inputs: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The last hidden layer before its ReLU, or the parameters if there is none, and the next state."""
        x, past = self.front(inputs, self.initial_state(inputs.shape[0]) if state is None else state)
        for layer in self.layers[:-1]:
            x = layer(x.relu())
        return x, past

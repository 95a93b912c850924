"""A multilayer perceptron over the last samples: a Markov chain of fixed order."""

from __future__ import annotations

import itertools
from typing import ClassVar, cast

from torch import Tensor, nn

from wavegen.models.conditioning import Condition
from wavegen.models.configs.networks import MarkovConfig
from wavegen.models.networks.base import Network
from wavegen.models.networks.layers import CausalConv


class Markov(Network):
    """p(x_t | x_<t) = p(x_t | the last `order` inputs): params = W_n relu(… relu(W_1 inputs + b_1) …) + b_n.

    A multilayer perceptron with the layers `hidden_sizes` over `order` inputs; the neural probabilistic
    language model of Bengio et al. (2003), section 2, for audio. Without hidden layers the parameters are
    linear in the inputs: with a mixture whose location is so given, the classical autoregressive model.
    """

    name: ClassVar[str] = MarkovConfig.name
    of = MarkovConfig
    order: int
    hidden_sizes: tuple[int, ...]

    def __init__(self, *sizes: int, **settings: object):
        super().__init__(*sizes, **settings)
        widths = (*self.hidden_sizes, self.num_params)
        self.front = CausalConv(self.input_channels, widths[0], self.order)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(widths))
        self.conditions = self.condition_layers()  # one, added to what the first layer sums up

    def hidden_weights(self) -> list[Tensor]:
        return [cast(nn.Linear, layer).weight for layer in self.layers[:-1]]

    def initial_state(self, batch_size: int) -> Tensor:
        return self.front.initial_state(batch_size)

    def forward(
        self, inputs: Tensor, state: Tensor | None = None, condition: Condition | None = None
    ) -> tuple[Tensor, Tensor]:
        x, history = self.features(inputs, state, condition)
        return self.layers[-1](x.relu()) if self.layers else x, history

    def features(
        self, inputs: Tensor, state: Tensor | None = None, condition: Condition | None = None
    ) -> tuple[Tensor, Tensor]:
        """The last hidden layer before its ReLU, or the parameters if there is none, and the next state."""
        x, history = self.front(inputs, self.initial_state(inputs.shape[0]) if state is None else state)
        if condition is not None:
            x = x + condition.through(self.conditions[0])
        for layer in self.layers[:-1]:
            x = layer(x.relu())
        return x, history

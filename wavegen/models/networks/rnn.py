"""Recurrent networks: all samples before in a state of fixed size."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from wavegen.models.conditioning import Condition
from wavegen.models.configs.networks import GRUConfig, LSTMConfig
from wavegen.models.network import State
from wavegen.models.networks.base import Network


class _Recurrent(Network):
    """h_t = cell(inputs_t, h_{t−1}); params_t = V relu(U h_t).

    A condition adds a vector to what the inputs give to the gates of the first layer.
    """

    cell: ClassVar[Callable[..., nn.RNNBase]]
    run: ClassVar[Callable[..., tuple[Tensor, ...]]]  # the function of the cell: outputs and the next states
    states: ClassVar[int]  # tensors in the state: h, and c for an LSTM
    hidden_size: int
    num_layers: int

    def __init__(self, *sizes: int, **settings: object):
        super().__init__(*sizes, **settings)
        hidden_size = self.hidden_size
        self.cells = self.cell(self.input_channels, hidden_size, self.num_layers, batch_first=True)
        self.head = nn.Linear(hidden_size, hidden_size)
        self.output = nn.Linear(hidden_size, self.num_params)
        self.conditions = self.condition_layers()  # one

    def hidden_weights(self) -> list[Tensor]:
        later = [getattr(self.cells, f"weight_ih_l{layer}") for layer in range(1, self.num_layers)]
        return [
            *later,
            *(getattr(self.cells, f"weight_hh_l{layer}") for layer in range(self.num_layers)),
            self.head.weight,
        ]

    def initial_state(self, batch_size: int) -> tuple[Tensor, ...]:
        zeros = self.head.weight.new_zeros(self.num_layers, batch_size, self.hidden_size)
        return (zeros,) * self.states

    def forward(
        self, inputs: Tensor, state: tuple[Tensor, ...] | None = None, condition: Condition | None = None
    ) -> tuple[Tensor, State]:
        hidden, state = self.features(inputs, state, condition)
        return self.output(torch.relu(self.head(hidden))), state

    def features(
        self, inputs: Tensor, state: tuple[Tensor, ...] | None = None, condition: Condition | None = None
    ) -> tuple[Tensor, State]:
        """The outputs of the last cell, (batch, time, hidden_size), and the next state."""
        state = self.initial_state(inputs.shape[0]) if state is None else state
        if condition is not None:
            return self._conditioned(inputs, state, condition)
        hidden, state = self.cells(inputs, state[0] if self.states == 1 else state)
        return hidden, (state,) if self.states == 1 else state

    def _conditioned(
        self, inputs: Tensor, state: tuple[Tensor, ...], condition: Condition
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """`features` with the condition as further inputs of the first layer, since no cell of torch takes vectors."""
        rows = condition.repeated().expand(-1, inputs.shape[1], -1)
        first, *others = [weight for layer in self.cells.all_weights for weight in layer]
        weights = [torch.cat([first, cast(nn.Linear, self.conditions[0]).weight], dim=1), *others]
        given = torch.cat([inputs, rows], dim=2)
        before = state[0] if self.states == 1 else state
        hidden, *after = self.run(given, before, weights, True, self.num_layers, 0.0, self.training, False, True)
        return hidden, tuple(after)


class GRU(_Recurrent):
    """Gated recurrent unit, Cho et al. (2014), in the form of `torch.nn.GRU`, with a perceptron on top."""

    name: ClassVar[str] = GRUConfig.name
    of = GRUConfig
    cell = nn.GRU
    run = torch.gru
    states = 1


class LSTM(_Recurrent):
    """Long short-term memory, Hochreiter & Schmidhuber (1997), with a perceptron on top."""

    name: ClassVar[str] = LSTMConfig.name
    of = LSTMConfig
    cell = nn.LSTM
    run = torch.lstm
    states = 2

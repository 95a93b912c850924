"""Recurrent networks: all samples before in a state of fixed size."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn

from wavegen.models.configs.networks import GRUConfig, LSTMConfig
from wavegen.models.network import State
from wavegen.models.networks.base import Network


class _Recurrent(Network):
    """h_t = cell(inputs_t, h_{t−1}); params_t = V relu(U h_t)."""

    cell: ClassVar[Callable[..., nn.RNNBase]]
    states: ClassVar[int]  # tensors in the state: h, and c for an LSTM
    hidden_size: int
    num_layers: int

    def __init__(self, *sizes: int, **settings: object):
        super().__init__(*sizes, **settings)
        hidden_size = self.hidden_size
        self.cells = self.cell(self.input_channels, hidden_size, self.num_layers, batch_first=True)
        self.head = nn.Linear(hidden_size, hidden_size)
        self.output = nn.Linear(hidden_size, self.num_params)

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

    def forward(self, inputs: Tensor, state: tuple[Tensor, ...] | None = None) -> tuple[Tensor, State]:
        hidden, state = self.features(inputs, state)
        return self.output(torch.relu(self.head(hidden))), state

    def features(self, inputs: Tensor, state: tuple[Tensor, ...] | None = None) -> tuple[Tensor, State]:
        """The outputs of the last cell, (batch, time, hidden_size), and the next state."""
        state = self.initial_state(inputs.shape[0]) if state is None else state
        hidden, state = self.cells(inputs, state[0] if self.states == 1 else state)
        return hidden, (state,) if self.states == 1 else state


class GRU(_Recurrent):
    """Gated recurrent unit, Cho et al. (2014), in the form of `torch.nn.GRU`, with a perceptron on top."""

    name: ClassVar[str] = GRUConfig.name
    of, cell, states = GRUConfig, nn.GRU, 1


class LSTM(_Recurrent):
    """Long short-term memory, Hochreiter & Schmidhuber (1997), with a perceptron on top."""

    name: ClassVar[str] = LSTMConfig.name
    of, cell, states = LSTMConfig, nn.LSTM, 2

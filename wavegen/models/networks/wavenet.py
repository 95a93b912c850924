"""WaveNet: a gated stack of dilated causal convolutions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from wavegen.models.conditioning import Condition
from wavegen.models.configs.networks import WaveNetConfig
from wavegen.models.networks import stack
from wavegen.models.networks.base import Network
from wavegen.models.networks.layers import CausalConv


class WaveNet(Network):
    """Layer l: z_l = tanh(W_f * x) ⊙ σ(W_g * x), x ← x + W_r z_l; params = V₂ relu(V₁ relu(Σ_l S_l z_l)).

    van den Oord et al. (2016), "WaveNet: a generative model for raw audio", sections 2.1 to 2.4.
    x starts as a causal convolution of the inputs over `front_kernel_size` steps. All layers' skip connections
    are one matrix product over their outputs side by side; the last layer has no residual connection, since
    nothing would read it. A condition adds a vector to W_f * x and W_g * x of each layer, section 2.5.
    """

    name: ClassVar[str] = WaveNetConfig.name
    of = WaveNetConfig
    takes_bfloat16: ClassVar[bool] = True
    residual_channels: int
    gate_channels: int
    skip_channels: int
    kernel_size: int
    front_kernel_size: int
    dilations: tuple[int, ...]

    def __init__(self, *sizes: int, **settings: object):
        super().__init__(*sizes, **settings)
        residual_channels, gate_channels = self.residual_channels, self.gate_channels
        skip_channels, dilations = self.skip_channels, self.dilations
        self.front = CausalConv(self.input_channels, residual_channels, self.front_kernel_size)
        self.gates = nn.ModuleList(
            CausalConv(residual_channels, gate_channels, self.kernel_size, dilation) for dilation in dilations
        )
        self.residuals = nn.ModuleList(nn.Linear(gate_channels // 2, residual_channels) for _ in dilations[1:])
        self.skip = nn.Linear(len(dilations) * gate_channels // 2, skip_channels)
        self.head = nn.Linear(skip_channels, skip_channels)
        self.output = nn.Linear(skip_channels, self.num_params)
        self.conditions = self.condition_layers()  # one for each layer

    @property
    def gate_taps(self) -> list[nn.Linear]:
        """The taps of each layer's gates."""
        return [layer.taps for layer in cast(Iterable[CausalConv], self.gates)]

    @property
    def residual_maps(self) -> list[nn.Linear]:
        """The map of each layer but the last to the residual stream."""
        return list(cast(Iterable[nn.Linear], self.residuals))

    def hidden_weights(self) -> list[Tensor]:
        return [layer.weight for layer in (*self.gate_taps, *self.residual_maps, self.skip, self.head)]

    def initial_state(self, batch_size: int) -> tuple[Tensor, ...]:
        return tuple(layer.initial_state(batch_size) for layer in cast(Iterable[CausalConv], (self.front, *self.gates)))

    def forward(
        self, inputs: Tensor, state: tuple[Tensor, ...] | None = None, condition: Condition | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        skip, state = self.features(inputs, state, condition)
        return self.output(torch.relu(self.head(torch.relu(skip)))), state

    def features(
        self, inputs: Tensor, state: tuple[Tensor, ...] | None = None, condition: Condition | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The sum of the skip connections, (batch, time, skip_channels), and the next state."""
        state = self.initial_state(inputs.shape[0]) if state is None else state
        x, history = self.front(inputs, state[0])
        if self.own_backward and stack.available(x, state[1:]):
            skip, histories = self._fast(x, state[1:], condition)
        else:
            skip, histories = self._layers(x, state[1:], condition)
        return skip, (history, *histories)

    def _layers(
        self, x: Tensor, state: tuple[Tensor, ...], condition: Condition | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """x (batch, time, residual_channels) to the skip sum (batch, time, skip_channels) and the next states."""
        outputs: list[Tensor] = []
        histories: list[Tensor] = []
        for layer, (conv, history) in enumerate(zip(self.gates, state, strict=True)):
            with self.rounding(x.device.type):
                gates, history = conv(x, history)
                if condition is not None:
                    gates = gates + condition.through(self.conditions[layer])
                filtered, gate = gates.chunk(2, dim=2)
                z = torch.tanh(filtered) * torch.sigmoid(gate)
                change = self.residuals[layer](z) if layer < len(self.residuals) else None
            x = x if change is None else x + change
            outputs.append(z)
            histories.append(history)
        return self.skip(torch.cat(outputs, dim=2).to(x.dtype)), tuple(histories)

    def _fast(
        self, x: Tensor, state: tuple[Tensor, ...], condition: Condition | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """`_layers` with a backward pass of its own, made once, on a CPU; no gradient reaches the states."""
        dtype = torch.bfloat16 if self.bfloat16_layers else x.dtype
        gates = [(taps.weight, taps.bias) for taps in self.gate_taps]
        residuals = [(layer.weight, layer.bias) for layer in self.residual_maps]
        shape = stack.Shape(self.kernel_size, self.dilations, dtype)
        conditions = [layer.weight for layer in cast(Iterable[nn.Linear], self.conditions)]
        added = None if condition is None else stack.vectors_added(condition, conditions, x)
        return stack.gated_stack(x, state, shape, gates, residuals, (self.skip.weight, self.skip.bias), added)

"""WaveNet: a gated stack of dilated causal convolutions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from wavegen.models.configs.networks import WaveNetConfig
from wavegen.models.networks import stack
from wavegen.models.networks.base import NetworkModule
from wavegen.models.networks.layers import CausalConv


class WaveNet(NetworkModule):
    """Layer l: z_l = tanh(W_f * x) ⊙ σ(W_g * x), x ← x + W_r z_l; params = V₂ relu(V₁ relu(Σ_l S_l z_l)).

    van den Oord et al. (2016), "WaveNet: a generative model for raw audio", sections 2.1 to 2.4.
    x starts as a causal convolution of the inputs over `front_kernel_size` steps. All layers' skip connections
    are one matrix product over their outputs side by side; the last layer has no residual connection, since
    nothing would read it.
    """

    name: ClassVar[str] = WaveNetConfig.name
    takes_bfloat16: ClassVar[bool] = True
    residual_channels: int
    gate_channels: int
    skip_channels: int
    kernel_size: int
    front_kernel_size: int
    dilations: tuple[int, ...]

    def __init__(self, input_channels: int, num_params: int, **settings: Any):
        super().__init__(WaveNetConfig(input_channels, num_params, **settings))
        residual_channels, gate_channels, skip_channels = self.residual_channels, self.gate_channels, self.skip_channels
        kernel_size, dilations = self.kernel_size, self.dilations
        self.front = CausalConv(input_channels, residual_channels, self.front_kernel_size)
        self.gates = nn.ModuleList(
            CausalConv(residual_channels, gate_channels, kernel_size, dilation) for dilation in dilations
        )
        self.residuals = nn.ModuleList(nn.Linear(gate_channels // 2, residual_channels) for _ in dilations[1:])
        self.skip = nn.Linear(len(dilations) * gate_channels // 2, skip_channels)
        self.head = nn.Linear(skip_channels, skip_channels)
        self.output = nn.Linear(skip_channels, num_params)

    def hidden_weights(self) -> list[Tensor]:
        layers = cast(Iterable[CausalConv], self.gates)
        inner = [*self.residuals, self.skip, self.head]
        return [*(layer.taps.weight for layer in layers), *(layer.weight for layer in inner)]

    def initial_state(self, batch_size: int) -> tuple[Tensor, ...]:
        return tuple(layer.initial_state(batch_size) for layer in cast(Iterable[CausalConv], (self.front, *self.gates)))

    def _inside(self, device: str) -> contextlib.AbstractContextManager[object]:
        """What a layer's own products are computed in: the stream that they add to is never rounded."""
        return torch.autocast(device, torch.bfloat16) if self.bfloat16_layers else contextlib.nullcontext()

    def forward(self, inputs: Tensor, state: tuple[Tensor, ...] | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """inputs (batch, time, input_channels) to params (batch, time, num_params) and the next state."""
        skip, state = self.features(inputs, state)
        return self.output(torch.relu(self.head(torch.relu(skip)))), state

    def features(self, inputs: Tensor, state: tuple[Tensor, ...] | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The skip connections' sum, (batch, time, skip_channels), and the next state."""
        state = self.initial_state(inputs.shape[0]) if state is None else state
        x, past = self.front(inputs, state[0])
        skip, pasts = (self._fast if self.own_backward and stack.available(x, state[1:]) else self._layers)(
            x, state[1:]
        )
        return skip, (past, *pasts)

    def _layers(self, x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """x (batch, time, residual_channels) to the skip sum (batch, time, skip_channels) and the next states."""
        outputs, pasts = [], []
        for layer, (gate, past) in enumerate(zip(self.gates, state, strict=True)):
            with self._inside(x.device.type):
                gates, past = gate(x, past)
                signal, opening = gates.chunk(2, dim=2)
                z = torch.tanh(signal) * torch.sigmoid(opening)
                change = self.residuals[layer](z) if layer < len(self.residuals) else None
            x = x if change is None else x + change
            outputs.append(z)
            pasts.append(past)
        return self.skip(torch.cat(outputs, dim=2).to(x.dtype)), tuple(pasts)

    def _fast(self, x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The same for one backward pass on a CPU, which ends at the states; `_layers` is its readable twin."""
        dtype = torch.bfloat16 if self.bfloat16_layers else x.dtype
        gates = [(gate.taps.weight, gate.taps.bias) for gate in cast(Iterable[CausalConv], self.gates)]
        residuals = [(layer.weight, layer.bias) for layer in cast(Iterable[nn.Linear], self.residuals)]
        shape = stack.Shape(self.kernel_size, self.dilations, dtype)
        return stack.gated_stack(x, state, shape, gates, residuals, (self.skip.weight, self.skip.bias))

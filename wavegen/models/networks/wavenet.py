"""WaveNet: a gated stack of dilated causal convolutions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from typing import Annotated, ClassVar, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from wavegen.models.networks import stack
from wavegen.models.networks.layers import CausalConv

Width = Annotated[int, Field(ge=1, le=4096)]
Dilation = Annotated[int, Field(ge=1, le=65536)]


class WaveNet(nn.Module):
    """Layer l: z_l = tanh(W_f * x) ⊙ σ(W_g * x), x ← x + W_r z_l; params = V₂ relu(V₁ relu(Σ_l S_l z_l)).

    van den Oord et al. (2016), "WaveNet: a generative model for raw audio", sections 2.1 to 2.4.
    x starts as a causal convolution of the inputs over `front_kernel_size` steps. All layers' skip connections
    are one matrix product over their outputs side by side; the last layer has no residual connection, since
    nothing would read it.
    """

    name: ClassVar[str] = "wavenet"
    alignment = 1
    takes_bfloat16: ClassVar[bool] = True
    bfloat16_layers = False
    own_backward = False  # set while training: see `_fast`

    def __init__(
        self,
        input_channels: int,
        num_params: int,
        *,
        residual_channels: Width = 64,
        gate_channels: Annotated[int, Field(ge=2, le=8192, multiple_of=2)] = 128,
        skip_channels: Width = 128,
        kernel_size: Annotated[int, Field(ge=2, le=64)] = 2,
        front_kernel_size: Annotated[int, Field(ge=1, le=1024)] = 1,
        dilations: Annotated[Sequence[Dilation], Field(min_length=1, max_length=256)] = tuple(2**i for i in range(10)),
    ):
        super().__init__()
        self.input_channels, self.num_params = input_channels, num_params
        self.residual_channels, self.gate_channels, self.skip_channels = residual_channels, gate_channels, skip_channels
        self.kernel_size, self.dilations, self.front_kernel_size = kernel_size, tuple(dilations), front_kernel_size
        self.front = CausalConv(input_channels, residual_channels, front_kernel_size)
        self.gates = nn.ModuleList(
            CausalConv(residual_channels, gate_channels, kernel_size, dilation) for dilation in dilations
        )
        self.residuals = nn.ModuleList(nn.Linear(gate_channels // 2, residual_channels) for _ in dilations[1:])
        self.skip = nn.Linear(len(dilations) * gate_channels // 2, skip_channels)
        self.head = nn.Linear(skip_channels, skip_channels)
        self.output = nn.Linear(skip_channels, num_params)

    @property
    def receptive_field(self) -> int:
        return self.front_kernel_size + (self.kernel_size - 1) * sum(self.dilations)

    @property
    def macs_per_sample(self) -> int:
        return sum(weight.numel() for weight in self.parameters() if weight.dim() == 2)

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

"""NADE over frames of audio."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from wavegen.models.conditioning import Condition
from wavegen.models.configs.networks import NADEConfig
from wavegen.models.networks.base import Network


class NADE(Network):
    """Neural autoregressive distribution estimator over frames of `frame_size` samples.

    For sample p of a frame: a_p = c + Σ_{1 ≤ k ≤ p} W_k e_k and params_p = b_p + V_p σ(a_p), where e_k
    is the input of sample k, which describes the sample before it. All samples share the W_k (the tied
    weights), so the running sum costs O(frame_size · hidden_size) a frame. Larochelle & Murray (2011),
    "The neural autoregressive distribution estimator", section 3.

    The textbook's frames are independent. With `context_frames` > 0 the biases b and c
    are functions of that many preceding frames, after RNN-NADE of Boulanger-Lewandowski et al. (2012).
    A condition adds a vector to a_p, that of sample p.
    """

    name: ClassVar[str] = NADEConfig.name
    of = NADEConfig
    frame_size: int
    hidden_size: int
    context_frames: int

    def __init__(self, *sizes: int, **settings: object):
        super().__init__(*sizes, **settings)
        input_channels, num_params = self.input_channels, self.num_params
        frame_size, hidden_size = self.frame_size, self.hidden_size
        self.hidden = nn.Parameter(torch.randn(frame_size - 1, input_channels, hidden_size) / input_channels**0.5)
        self.hidden_bias = nn.Parameter(torch.zeros(hidden_size))
        self.output = nn.Parameter(torch.randn(frame_size, hidden_size, num_params) / hidden_size**0.5)
        self.output_bias = nn.Parameter(torch.zeros(frame_size, num_params))
        if self.context_frames:
            self.context = nn.Linear(self.context_frames * frame_size * input_channels, hidden_size)
            self.context_to_hidden = nn.Linear(hidden_size, hidden_size, bias=False)
            self.context_to_output = nn.Linear(hidden_size, frame_size * num_params, bias=False)
        self.conditions = self.condition_layers()  # one

    def hidden_weights(self) -> list[Tensor]:
        return [self.context_to_hidden.weight] if self.context_frames else []

    def initial_state(self, batch_size: int) -> Tensor:
        """The inputs of the preceding frames and of the current one so far, (batch, inputs, input_channels).

        Their number gives the position in the current frame.
        """
        return self.hidden.new_zeros(batch_size, self.context_frames * self.frame_size, self.input_channels)

    def forward(
        self, inputs: Tensor, state: Tensor | None = None, condition: Condition | None = None
    ) -> tuple[Tensor, Tensor]:
        hidden, bias, here, after = self._hidden(inputs, state, condition)
        params = torch.einsum("nph,phq->npq", hidden, self.output) + bias
        return params.reshape(len(inputs), -1, self.num_params)[:, here], after

    def features(
        self, inputs: Tensor, state: Tensor | None = None, condition: Condition | None = None
    ) -> tuple[Tensor, Tensor]:
        """The hidden units of each sample, (batch, time, hidden_size), and the next state."""
        hidden, _, here, after = self._hidden(inputs, state, condition)
        return hidden.reshape(len(inputs), -1, self.hidden_size)[:, here], after

    def _hidden(
        self, inputs: Tensor, state: Tensor | None, condition: Condition | None
    ) -> tuple[Tensor, Tensor, slice, Tensor]:
        """The hidden units of the frames that the inputs are in, (frames of all, frame_size, hidden_size), the bias of
        their parameters, the positions of the inputs in a recording's frames, and the next state.
        """
        state = self.initial_state(inputs.shape[0]) if state is None else state
        context = self.context_frames * self.frame_size
        position = state.shape[1] - context
        time = inputs.shape[1]
        x = torch.cat([state, inputs], dim=1)
        frames = -(-(position + time) // self.frame_size)
        padding = context + frames * self.frame_size - x.shape[1]
        vectors = None
        if condition is not None:  # of the inputs alone: the samples of the frame before them have their parameters
            vectors = condition.through(self.conditions[0]).expand(-1, time, -1)
            vectors = nn.functional.pad(vectors, (0, 0, position, padding))
        hidden, bias = self._frames(nn.functional.pad(x, (0, 0, 0, padding)), frames, vectors)
        whole = (position + time) // self.frame_size * self.frame_size
        return hidden, bias, slice(position, position + time), x[:, whole:].clone()

    def _frames(self, x: Tensor, frames: int, vectors: Tensor | None) -> tuple[Tensor, Tensor]:
        """The context and `frames` whole frames, (batch, context + frames · frame_size, channels), to hidden units and
        the bias of their parameters. `vectors`, (batch, frames · frame_size, hidden_size), are those of a condition.
        """
        batch = x.shape[0]
        context = self.context_frames * self.frame_size
        samples = x[:, context:].reshape(batch * frames, self.frame_size, self.input_channels)
        terms = torch.einsum("npc,pch->nph", samples[:, 1:], self.hidden)
        first = terms.new_zeros(batch * frames, 1, self.hidden_size)
        sums = torch.cat([first, terms], dim=1).cumsum(dim=1) + self.hidden_bias
        bias = self.output_bias
        if self.context_frames:
            # The first input of a frame describes the last sample of the frame before.
            preceding = x[:, 1 : 1 + context + (frames - 1) * self.frame_size]
            preceding = preceding.unfold(1, context, self.frame_size).transpose(2, 3)
            seen = torch.tanh(self.context(preceding.reshape(batch * frames, -1)))
            sums = sums + self.context_to_hidden(seen).unsqueeze(1)
            bias = bias + self.context_to_output(seen).view(-1, self.frame_size, self.num_params)
        if vectors is not None:
            sums = sums + vectors.reshape(batch * frames, self.frame_size, self.hidden_size)
        return torch.sigmoid(sums), bias

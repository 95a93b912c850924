"""A WaveNet's training written with `Conv1d`: the yardstick of `wavegen bench --training`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from wavegen.benchmarking.peers import wavenet_of
from wavegen.models.audio import AudioModel
from wavegen.training.learner import MAX_GRADIENT_NORM
from wavegen.training.windows import Windows

RATE = 1e-3  # of Adam, its default


class ConvLoop:
    """The same network as a WaveNet's, of the same weights, and steps of Adam, as users of PyTorch write them."""

    def __init__(self, model: AudioModel, windows: Windows):
        network = wavenet_of(model)
        self.model = model
        self.windows = windows
        self.step = 0
        self.embedding = nn.Embedding.from_pretrained(model.input_table().detach().clone(), freeze=False)
        self.dilations = network.dilations
        layers = len(network.dilations)
        self.half = network.gate_channels // 2
        self.front = _conv(network.front.taps, network.front_kernel_size)
        self.gates = [
            _conv(taps, network.kernel_size, dilation)
            for taps, dilation in zip(network.gate_taps, network.dilations, strict=True)
        ]
        self.residuals = [_conv(layer) for layer in network.residual_maps]
        self.skips = [nn.Conv1d(self.half, network.skip_channels, 1) for _ in range(layers)]
        with torch.no_grad():
            for skip, weight in zip(self.skips, network.skip.weight.split(self.half, dim=1), strict=True):
                skip.weight.copy_(weight.unsqueeze(2))
                skip.bias.copy_(network.skip.bias / layers)  # pyright: ignore[reportOptionalMemberAccess]
        self.head = _conv(network.head)
        self.output = _conv(network.output)
        modules = [self.embedding, self.front, *self.gates, *self.residuals, *self.skips, self.head, self.output]
        self.weights = [weight for module in modules for weight in module.parameters()]
        self.optimizer = torch.optim.Adam(self.weights, lr=RATE)

    def params(self, symbols: Tensor) -> Tensor:
        """Symbols (batch, time) to logits (batch, num_symbols, time) of the sample after each."""
        x = self.front(_padded(self.embedding(symbols).transpose(1, 2), self.front))
        total = torch.zeros(())
        for layer, gate in enumerate(self.gates):
            filtered, gated = gate(_padded(x, gate)).chunk(2, dim=1)
            z = torch.tanh(filtered) * torch.sigmoid(gated)
            total = total + self.skips[layer](z)
            if layer < len(self.residuals):
                x = x + self.residuals[layer](z)
        return self.output(torch.relu(self.head(torch.relu(total))))

    def take_step(self) -> None:
        """One step of Adam on the mean cross-entropy of the scored samples."""
        pcm, before, scored = self.windows.batch(self.step)
        symbols = self.model.encode(torch.cat([before.unsqueeze(1), pcm], dim=1))
        self.optimizer.zero_grad()
        nats = nn.functional.cross_entropy(self.params(symbols[:, :-1]), symbols[:, 1:], reduction="none")
        nats[scored].mean().backward()
        nn.utils.clip_grad_norm_(self.weights, MAX_GRADIENT_NORM)
        self.optimizer.step()
        self.step += 1

    def trained(self) -> AudioModel:
        """The model with this loop's weights."""
        network = wavenet_of(self.model)
        with torch.no_grad():
            self.model.input_table().copy_(self.embedding.weight)
            _give(self.front, network.front.taps)
            for convs, layers in (
                (self.gates, network.gate_taps),
                (self.residuals, network.residual_maps),
                ([self.head, self.output], [network.head, network.output]),
            ):
                for conv, layer in zip(convs, layers, strict=True):
                    _give(conv, layer)
            network.skip.weight.copy_(torch.cat([skip.weight.squeeze(2) for skip in self.skips], dim=1))
            network.skip.bias.copy_(torch.stack([skip.bias for skip in self.skips]).sum(0))  # pyright: ignore[reportArgumentType, reportCallIssue]
        return self.model


def _conv(taps: nn.Linear, kernel_size: int = 1, dilation: int = 1) -> nn.Conv1d:
    """The convolution of a matrix of taps, which stand side by side, oldest first."""
    made = nn.Conv1d(taps.in_features // kernel_size, taps.out_features, kernel_size, dilation=dilation)
    with torch.no_grad():
        made.weight.copy_(taps.weight.view(taps.out_features, kernel_size, -1).transpose(1, 2))
        made.bias.copy_(taps.bias)  # pyright: ignore[reportOptionalMemberAccess]
    return made


def _give(conv: nn.Conv1d, taps: nn.Linear) -> None:
    taps.weight.copy_(conv.weight.transpose(1, 2).reshape(taps.weight.shape))
    taps.bias.copy_(conv.bias)  # pyright: ignore[reportArgumentType]


def _padded(x: Tensor, conv: nn.Conv1d) -> Tensor:
    return nn.functional.pad(x, ((conv.kernel_size[0] - 1) * conv.dilation[0], 0))

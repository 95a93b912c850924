"""Models small enough to check by brute force."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch

from wavegen.codecs import Codec
from wavegen.density import AudioModel
from wavegen.distributions import DISTRIBUTIONS
from wavegen.hearing import symbol_channels
from wavegen.networks import NETWORKS
from wavegen.predictors import LinearPredictor

# One small network of each kind, with the awkward shapes: odd widths, a dilation list that is not a doubling one.
SETTINGS = {
    "wavenet": {"residual_channels": 6, "gate_channels": 10, "skip_channels": 7, "dilations": (1, 3, 9, 2)},
    "wavenet-kernel-3": {
        "residual_channels": 5,
        "gate_channels": 6,
        "skip_channels": 9,
        "kernel_size": 3,
        "dilations": (2, 1, 4),
    },
    "wavenet-front": {
        "residual_channels": 4,
        "gate_channels": 6,
        "skip_channels": 5,
        "front_kernel_size": 4,
        "dilations": (1, 3),
    },
    "gru": {"hidden_size": 7},
    "lstm": {"hidden_size": 5, "num_layers": 2},
    "nade": {"frame_size": 5, "hidden_size": 6},
    "nade-context": {"frame_size": 4, "hidden_size": 6, "context_frames": 2},
    "markov": {"order": 5, "hidden_sizes": (7, 6)},
    "markov-linear": {"order": 3, "hidden_sizes": ()},
}
NAMES = list(SETTINGS)


def network(name: str, input_channels: int = 3, num_params: int = 4) -> Any:
    """A float64 network with weights large enough that every input matters."""
    torch.manual_seed(1)
    kind = NETWORKS[name.split("-")[0]]
    made = kind(input_channels, num_params, **SETTINGS[name]).double()
    with torch.no_grad():
        for weight in made.parameters():
            weight.copy_(torch.randn_like(weight) * 0.7)
    return made


class TinyCodec:
    """Cuts the 65 536 codes into a few cells: of 1, 2, 3, … codes and the rest, or of `sizes`."""

    name: ClassVar[str] = "tiny"

    def __init__(self, *, num_symbols: int = 4, sizes: Sequence[int] | None = None):
        if sizes is None:
            sizes = [*range(1, num_symbols), 65536 - num_symbols * (num_symbols - 1) // 2]
        self.num_symbols, self.sizes = len(sizes), sizes
        self.codes_per_symbol = torch.tensor(sizes)

    @property
    def silence(self) -> int:
        return int(self.encode(torch.tensor(0)))

    def encode(self, pcm: torch.Tensor) -> torch.Tensor:
        return torch.bucketize(pcm.long() + 32768, self.codes_per_symbol.cumsum(0), right=True)

    def decode(self, symbols: torch.Tensor) -> torch.Tensor:
        return (self.codes_per_symbol.cumsum(0) - 1 - 32768)[symbols]


def model(name: str, codec: Codec | None = None, head: str = "categorical", taps: int = 0) -> AudioModel:
    """A float64 model whose distributions are far from uniform; with a predictor if it gets `taps`."""
    codec = codec or TinyCodec()
    mixtures = {} if head == "categorical" else {"num_mixtures": 2}
    distribution = DISTRIBUTIONS[head](codec.codes_per_symbol, **mixtures)
    channels = symbol_channels(codec)
    predictor = LinearPredictor(taps=taps) if taps else None
    body = network(name, channels + (taps > 0), distribution.num_params)
    made = AudioModel(codec, distribution, body, 8000, predictor)
    if predictor is not None:
        with torch.no_grad():
            predictor.weights.copy_(0.9 ** torch.arange(taps) / taps)
    return made.double().eval()


def mu_law_model(**network_settings: object) -> AudioModel:
    """A small, untrained mu-law model of the kind that users train."""
    torch.manual_seed(2)
    settings = {"codec": {"name": "mu-law"}, "distribution": {"name": "categorical"}, "network": network_settings}
    return AudioModel.from_settings(settings, 8000).eval()

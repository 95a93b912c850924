"""Models small enough to check by brute force."""

from __future__ import annotations

from typing import Any, ClassVar

import torch

from wavegen.codecs import Codec
from wavegen.density import AudioModel
from wavegen.distributions import Categorical
from wavegen.networks import NETWORKS

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
    "gru": {"hidden_size": 7},
    "lstm": {"hidden_size": 5, "num_layers": 2},
    "nade": {"frame_size": 5, "hidden_size": 6},
    "nade-context": {"frame_size": 4, "hidden_size": 6, "context_frames": 2},
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
    """Cuts the 65 536 codes into `num_symbols` cells of sizes as unequal as possible: 1, 2, 3, … and the rest."""

    name: ClassVar[str] = "tiny"

    def __init__(self, *, num_symbols: int = 4):
        self.num_symbols = num_symbols
        sizes = torch.arange(1, num_symbols + 1)
        sizes[-1] += 65536 - sizes.sum()
        self.codes_per_symbol = sizes

    @property
    def silence(self) -> int:
        return self.num_symbols - 1

    def encode(self, pcm: torch.Tensor) -> torch.Tensor:
        return torch.bucketize(pcm.long() + 32768, self.codes_per_symbol.cumsum(0), right=True)

    def decode(self, symbols: torch.Tensor) -> torch.Tensor:
        return (self.codes_per_symbol.cumsum(0) - 1 - 32768)[symbols]


def model(name: str, codec: Codec | None = None) -> AudioModel:
    """A float64 model whose distributions are far from uniform."""
    codec = codec or TinyCodec()
    made = AudioModel(codec, Categorical(codec.num_symbols), network(name, 3, codec.num_symbols), 8000)
    return made.double().eval()


def mu_law_model(**network_settings: object) -> AudioModel:
    """A small, untrained mu-law model of the kind that users train."""
    torch.manual_seed(2)
    settings = {"codec": {"name": "mu-law"}, "distribution": {"name": "categorical"}, "network": network_settings}
    return AudioModel.from_settings(settings, 8000).eval()

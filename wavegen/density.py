"""A density of audio: a codec, inputs, a network and a distribution make log-probabilities of PCM."""

from __future__ import annotations

import inspect
import math
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from wavegen.codecs import CODECS, PCM_CODES, Codec
from wavegen.distributions import DISTRIBUTIONS, Categorical
from wavegen.networks import NETWORKS
from wavegen.networks.base import Network, State

UNIFORM_SHARE = 2.0**-14  # of every distribution is uniform over the PCM codes: it caps surprise at 30 bits
EMBEDDING_CHANNELS = 32


class Density(Protocol):
    """What trainer, scorer and checkpoint know of a model."""

    sample_rate: int

    def initial_state(self, batch_size: int) -> Any: ...

    def log2_prob(self, pcm: Tensor, state: Any = None) -> tuple[Tensor, Any]: ...

    def describe(self) -> dict[str, Any]: ...


class AudioState(NamedTuple):
    """What a model carries from chunk to chunk: the last PCM code, (batch,) int64, and the network's state."""

    last: Tensor
    network: State


def _settings_of(part: Any) -> dict[str, Any]:
    """The name of a codec, distribution or network and the keyword-only arguments it was made with."""
    keywords = inspect.signature(type(part).__init__).parameters.values()
    names = [keyword.name for keyword in keywords if keyword.kind is keyword.KEYWORD_ONLY]
    return {"name": part.name, **{name: getattr(part, name) for name in names}}


class AudioModel(nn.Module):
    """p(pcm) = Π_t p(pcm_t | pcm_<t), with p(pcm_t | ·) = (1 − ε) P(symbol_t | ·) / codes(symbol_t) + ε / 65536.

    ε = 2⁻¹⁴. The model shifts by one itself: the input at t describes sample t − 1, and the sample
    before a file is silence.
    """

    def __init__(self, codec: Codec, distribution: Categorical, network: Network, sample_rate: int):
        super().__init__()
        self.codec, self.distribution = codec, distribution
        self.network: Any = network  # a Network; its layers are anyone's to look at
        self.sample_rate = sample_rate
        self.embedding = nn.Embedding(codec.num_symbols, network.input_channels)
        self.metadata: dict[str, Any] = {}
        with torch.no_grad():  # two channels say what a symbol sounds like, so that nothing has to be learned twice
            amplitude = codec.decode(torch.arange(codec.num_symbols, device="cpu"))
            self.embedding.weight[:, 0] = torch.linspace(-2, 2, codec.num_symbols, device="cpu")
            self.embedding.weight[:, 1] = amplitude / 8192

    @classmethod
    def from_settings(cls, settings: dict[str, dict[str, Any]], sample_rate: int) -> AudioModel:
        """Builds an untrained model from what `settings` gives or a recipe's tables say: codec, distribution, network.

        Raises KeyError for an unknown name and TypeError for an unknown setting; `wavegen.recipe` checks before.
        """
        codec_settings, network_settings = dict(settings["codec"]), dict(settings["network"])
        codec = CODECS[codec_settings.pop("name")](**codec_settings)
        distribution = DISTRIBUTIONS[settings["distribution"]["name"]](codec.num_symbols)
        network_type = NETWORKS[network_settings.pop("name")]
        network = network_type(EMBEDDING_CHANNELS, distribution.num_params, **network_settings)
        return cls(codec, distribution, network, sample_rate)

    @property
    def settings(self) -> dict[str, dict[str, Any]]:
        """What `from_settings` needs to build this model again."""
        return {
            "codec": _settings_of(self.codec),
            "distribution": _settings_of(self.distribution),
            "network": _settings_of(self.network),
        }

    @property
    def num_parameters(self) -> int:
        return sum(weight.numel() for weight in self.parameters())

    @property
    def macs_per_sample(self) -> int:
        """Multiply-adds to step one sample; looking up an embedding costs none."""
        return self.network.macs_per_sample

    def describe(self) -> dict[str, Any]:
        """What `wavegen info` prints: settings, size, and where the weights come from."""
        about = {
            **self.settings,
            "sample_rate": self.sample_rate,
            "parameters": self.num_parameters,
            "macs_per_sample": self.macs_per_sample,
            "receptive_field": self.network.receptive_field,
        }
        return about | self.metadata | about  # what the model knows of itself comes before what its file says

    def initial_state(self, batch_size: int, before: Tensor | None = None) -> AudioState:
        """The state a file starts from, or a window whose preceding codes are `before`, (batch,) int64."""
        silence = self.embedding.weight.new_zeros(batch_size, dtype=torch.int64)
        return AudioState(silence if before is None else before, self.network.initial_state(batch_size))

    def params(self, pcm: Tensor, state: AudioState) -> tuple[Tensor, AudioState]:
        """Distribution parameters of each of `pcm`, (batch, time) integer, to (batch, time, num_params)."""
        pcm = pcm.long()
        before = torch.cat([state.last.unsqueeze(1), pcm[:, :-1]], dim=1)
        params, network_state = self.network(self.embedding(self.codec.encode(before)), state.network)
        return params, AudioState(pcm[:, -1].clone(), network_state)

    def log2_prob(self, pcm: Tensor, state: AudioState | None = None) -> tuple[Tensor, AudioState]:
        """log2 p of each PCM code, (batch, time) integer to (batch, time) float, and the state after it."""
        state = self.initial_state(pcm.shape[0]) if state is None else state
        params, state = self.params(pcm, state)
        symbols = self.codec.encode(pcm)
        codes = self.codec.codes_per_symbol.to(params)[symbols]
        log_prob = self.distribution.log_prob(params, symbols) + math.log1p(-UNIFORM_SHARE) - codes.log()
        floor = torch.full_like(log_prob, math.log(UNIFORM_SHARE / PCM_CODES))
        return torch.logaddexp(log_prob, floor) / math.log(2), state

    def symbol_probabilities(self, params: Tensor, temperature: float = 1.0) -> Tensor:
        """P of every symbol with the uniform share, (…, num_params) to (…, num_symbols) float64, what is sampled."""
        probabilities = self.distribution.probabilities(params.double(), temperature)
        codes = self.codec.codes_per_symbol.to(params.device)
        return (1 - UNIFORM_SHARE) * probabilities + UNIFORM_SHARE * codes / PCM_CODES

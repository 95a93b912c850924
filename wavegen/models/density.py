"""What a density is, and that of audio: codec, network, predictor and distribution make log-probabilities of PCM."""

from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from wavegen.models.codecs import CODECS, PCM_CODES, Codec
from wavegen.models.distributions import DISTRIBUTIONS, Distribution
from wavegen.models.forms import Form, entry_of
from wavegen.models.inputs import amplitudes, companded, embedding, symbol_channels
from wavegen.models.networks import NETWORKS
from wavegen.models.networks.base import Network, State
from wavegen.models.predictors import PREDICTORS, LinearPredictor, PredictorState
from wavegen.models.training_provenance import in_short

UNIFORM_SHARE = 2.0**-14  # of every distribution is uniform over the PCM codes: it caps surprise at 30 bits


class Density(nn.Module, ABC):
    """What trainer, scorer and checkpoint know of a model; a sample is a PCM code or a channel's level in a picture."""

    kind: ClassVar[str]  # what a recipe's density.name says
    PARTS: ClassVar[
        Mapping[str, Mapping[str, type]]
    ]  # what it is made of, by a recipe's tables, and the choices of each
    DEFAULTS: ClassVar[Mapping[str, Mapping[str, str]]]  # of these tables
    OPTIONAL: ClassVar[Collection[str]]  # tables that may be missing

    def __init__(self, distribution: Distribution, network: Any):
        super().__init__()
        self.distribution, self.network = distribution, network
        self.metadata: dict[str, Any] = {}

    @classmethod
    @abstractmethod
    def from_settings(cls, settings: dict[str, dict[str, Any]], form: Any) -> Density: ...

    @property
    @abstractmethod
    def form(self) -> Form:
        """The sample rate or the grid of the recordings that it is of."""

    @property
    @abstractmethod
    def settings(self) -> dict[str, dict[str, Any]]: ...

    @property
    @abstractmethod
    def receptive_field(self) -> int | None: ...

    @property
    @abstractmethod
    def macs_per_sample(self) -> int: ...

    @abstractmethod
    def log2_prob(self, batch: Tensor, state: Any = None) -> tuple[Tensor, Any]: ...

    @abstractmethod
    def features(self, batch: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """What the network's last layers start from, (batch, time or 1, channels) float, and the state after it."""

    @property
    def whole(self) -> int | None:
        """How many samples make a whole that is never cut; None where any stretch of a recording can be scored."""
        return None

    @property
    def alignment(self) -> int:
        """Training windows start at multiples of it."""
        return self.whole or 1

    def context(self, warm_up: int) -> int:
        """How many unscored samples come before a training window's, `warm_up` if all of the past counts."""
        return 0

    def fit(self, recordings: Sequence[np.ndarray]) -> None:
        """Takes from the training recordings, (samples,) int16 each, what needs no gradients."""

    def initial_state(self, batch_size: int, before: Tensor | None = None) -> Any:
        """What a recording starts from, or a window whose preceding samples are `before`, (batch,) int64."""
        return None

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return next(self.parameters()).device

    @property
    def num_params(self) -> int:
        """How many numbers say how one sample is distributed: what bounds how many are scored at once."""
        return self.distribution.num_params

    @property
    def num_parameters(self) -> int:
        return sum(weight.numel() for weight in self.parameters())

    def describe(self) -> dict[str, Any]:
        """What `wavegen info` prints: settings, size, and where the weights come from."""
        about = {
            **self.settings,
            **entry_of(self.form),
            "parameters": self.num_parameters,
            "macs_per_sample": self.macs_per_sample,
            "receptive_field": self.receptive_field,
        }
        return about | in_short(self.metadata) | about  # what the model knows of itself comes before what its file says


class AudioState(NamedTuple):
    """What a model carries from chunk to chunk: the last PCM code, (batch,) int64, and its parts' states."""

    last: Tensor
    network: State
    predictor: PredictorState | None


def part_of(settings: Mapping[str, Mapping[str, Any]], table: str, registry: Mapping[str, Any], *args: Any) -> Any:
    """The part that a table of settings names, made with `args` and its other keys."""
    keywords = dict(settings[table])
    return registry[keywords.pop("name")](*args, **keywords)


def settings_of(part: Any) -> dict[str, Any]:
    """The name of a codec, distribution or network and the keyword-only arguments it was made with."""
    keywords = inspect.signature(type(part).__init__).parameters.values()
    names = [keyword.name for keyword in keywords if keyword.kind is keyword.KEYWORD_ONLY]
    return {"name": part.name, **{name: getattr(part, name) for name in names}}


class AudioModel(Density):
    """p(pcm) = Π_t p(pcm_t | pcm_<t), with p(pcm_t | ·) = (1 − ε) P(symbol_t | ·) / codes(symbol_t) + ε / 65536.

    ε = 2⁻¹⁴. The model shifts by one itself: the input at t describes sample t − 1, and the sample before
    a file is silence. The network hears symbols, by a learned embedding or, of a codec with more than 512,
    as two channels of amplitude, linear and companded. With a predictor it also hears, companded, how far
    the last sample fell from the predictor's word, rounded to whole codes.
    """

    kind: ClassVar[str] = "audio"
    PARTS: ClassVar = {"codec": CODECS, "distribution": DISTRIBUTIONS, "predictor": PREDICTORS, "network": NETWORKS}
    DEFAULTS: ClassVar = {"codec": {"name": "mu-law"}, "distribution": {"name": "categorical"}}
    OPTIONAL: ClassVar = ("predictor",)

    amplitudes: Tensor
    errors: Tensor

    def __init__(
        self,
        codec: Codec,
        distribution: Distribution,
        network: Network,
        sample_rate: int,
        predictor: LinearPredictor | None = None,
    ):
        super().__init__(distribution, network)
        self.codec, self.predictor, self.sample_rate = codec, predictor, sample_rate
        every_code = torch.arange(PCM_CODES, device="cpu") - PCM_CODES // 2
        self.register_buffer("errors", companded(every_code).unsqueeze(1), persistent=False)
        self.embedding = embedding(codec)
        if self.embedding is None:
            self.register_buffer("amplitudes", amplitudes(codec), persistent=False)

    @classmethod
    def from_settings(cls, settings: dict[str, dict[str, Any]], form: int) -> AudioModel:
        """Builds an untrained model of sound at the sample rate `form` from what `settings` gives or a recipe says.

        Raises KeyError for an unknown name and TypeError for an unknown setting; `wavegen.models.parts` checks before.
        """
        codec = part_of(settings, "codec", CODECS)
        distribution = part_of(settings, "distribution", DISTRIBUTIONS, codec.codes_per_symbol)
        predictor = part_of(settings, "predictor", PREDICTORS) if settings.get("predictor") else None
        channels = symbol_channels(codec) + (predictor is not None)
        network = part_of(settings, "network", NETWORKS, channels, distribution.num_params)
        return cls(codec, distribution, network, form, predictor)

    @property
    def form(self) -> int:
        return self.sample_rate

    @property
    def settings(self) -> dict[str, dict[str, Any]]:
        """What `from_settings` needs to build this model again."""
        parts = {"codec": self.codec, "distribution": self.distribution, "network": self.network}
        parts |= {"predictor": self.predictor} if self.predictor is not None else {}
        return {name: settings_of(part) for name, part in parts.items()}

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return self.input_table().device

    @property
    def alignment(self) -> int:
        return self.network.alignment

    def context(self, warm_up: int) -> int:
        """How many unscored samples come before a window's: all that is heard, or the warm-up where that has no end.

        A warm-up fills the predictor's taps at least: with zeros in them it would expect what it never does in a file.
        """
        if self.receptive_field is not None:
            return self.receptive_field - 1
        return warm_up if self.predictor is None else max(warm_up, self.predictor.receptive_field)

    def fit(self, recordings: Sequence[np.ndarray]) -> None:
        """Starts the predictor, if there is one, from what least squares say of the recordings."""
        if self.predictor is not None:
            self.predictor.fit(recordings)

    def input_table(self) -> Tensor:
        """What the network hears of each symbol, (num_symbols, channels)."""
        return self.amplitudes if self.embedding is None else self.embedding.weight

    @property
    def receptive_field(self) -> int | None:
        """How many past samples a distribution depends on at most; None: all."""
        if self.network.receptive_field is None or self.predictor is None:
            return self.network.receptive_field
        # The oldest input that the network sees tells of an error, which the predictor's own past explains.
        return self.network.receptive_field + self.predictor.receptive_field

    @property
    def macs_per_sample(self) -> int:
        """Multiply-adds to step one sample; looking up an embedding costs none."""
        return self.network.macs_per_sample + (0 if self.predictor is None else self.predictor.macs_per_sample)

    def initial_state(self, batch_size: int, before: Tensor | None = None) -> AudioState:
        """The state a file starts from, or a window whose preceding codes are `before`, (batch,) int64."""
        last = torch.zeros(batch_size, dtype=torch.int64, device=self.device) if before is None else before
        predictor = None if self.predictor is None else self.predictor.initial_state(batch_size)
        return AudioState(last, self.network.initial_state(batch_size), predictor)

    def params(self, pcm: Tensor, state: AudioState) -> tuple[Tensor, Tensor | None, AudioState]:
        """What says how each of `pcm`, (batch, time) integer, is distributed, and the state after it.

        Parameters (batch, time, num_params); their location (batch, time) float64, None without a predictor.
        """
        inputs, location, predictor_state = self._inputs(pcm.long(), state)
        params, network_state = self.network(inputs, state.network)
        return params, location, AudioState(pcm[:, -1].long(), network_state, predictor_state)

    def features(self, batch: Tensor, state: AudioState | None = None) -> tuple[Tensor, AudioState]:
        """The network's features of each PCM code's past, (batch, time) integer to (batch, time, channels) float."""
        state = self.initial_state(len(batch)) if state is None else state
        inputs, _, predictor_state = self._inputs(batch.long(), state)
        features, network_state = self.network.features(inputs, state.network)
        return features, AudioState(batch[:, -1].long(), network_state, predictor_state)

    def _inputs(self, pcm: Tensor, state: AudioState) -> tuple[Tensor, Tensor | None, PredictorState | None]:
        """What the network hears, (batch, time, channels), with the predictor's location and next state."""
        before = self.codec.encode(torch.cat([state.last.unsqueeze(1), pcm[:, :-1]], dim=1))
        inputs = nn.functional.embedding(before, self.input_table())
        location, predictor_state = None, None
        if self.predictor is not None:
            location, error, predictor_state = self.predictor(self.codec.decode(before), state.predictor)
            code = torch.floor(error + 0.5).clamp(-PCM_CODES // 2, PCM_CODES // 2 - 1).long() + PCM_CODES // 2
            inputs = torch.cat([inputs, nn.functional.embedding(code, self.errors)], dim=2)
        return inputs, location, predictor_state

    def log2_prob(self, batch: Tensor, state: AudioState | None = None) -> tuple[Tensor, AudioState]:
        """log2 p of each PCM code, (batch, time) integer to (batch, time) float, and the state after it."""
        state = self.initial_state(len(batch)) if state is None else state
        params, location, state = self.params(batch, state)
        return self.code_log2_prob(params, batch, location), state

    def code_log2_prob(self, params: Tensor, pcm: Tensor, location: Tensor | None = None) -> Tensor:
        """log2 p of each PCM code, any shape of integers, by parameters (…, num_params) and their location."""
        symbols = self.codec.encode(pcm)
        codes = self.codec.codes_per_symbol.to(params)[symbols]
        log_prob = self.distribution.log_prob(params, symbols, location) + math.log1p(-UNIFORM_SHARE) - codes.log()
        floor = torch.full_like(log_prob, math.log(UNIFORM_SHARE / PCM_CODES))
        return torch.logaddexp(log_prob, floor) / math.log(2)

    def cumulative(
        self,
        params: Tensor,
        k: Tensor,
        temperature: float = 1.0,
        top_p: float = 1.0,
        location: Tensor | None = None,
        exact: bool = True,
    ) -> Tensor:
        """P(symbol < k), float64: params (…, num_params), k (…) int64 from 0 to num_symbols, result (…).

        `exact` includes the uniform share, as scoring does; without it this is the distribution's own.
        """
        if not exact:
            return self.distribution.cumulative(params, k, temperature, top_p, location)
        codes = torch.nn.functional.pad(self.codec.codes_per_symbol.cumsum(0), (1, 0)).to(params.device)[k]
        below = self.distribution.cumulative(params, k, temperature, top_p, location)
        return (1 - UNIFORM_SHARE) * below + UNIFORM_SHARE * codes / PCM_CODES

"""A model of audio as data: what it is made of and its weights, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from wavegen.models.configs.audio import AudioConfig
from wavegen.models.forms import AUDIO, AudioForm, Form
from wavegen.models.inputs import amplitudes, companded
from wavegen.models.training_provenance import in_short

if TYPE_CHECKING:
    from wavegen.models.audio import AudioModel
    from wavegen.models.codecs import Codec
    from wavegen.models.configs.distributions import DistributionConfig
    from wavegen.models.configs.networks import NetworkConfig
    from wavegen.models.configs.predictors import LinearPredictorConfig

_NONE = np.zeros(0, np.float32)


class AnyAudio(Protocol):
    """A model of audio, as data or as a torch module: either gives the other."""

    @property
    def metadata(self) -> Any: ...

    def data(self) -> Model: ...

    def module(self) -> AudioModel: ...


class Describable(Protocol):
    """What `described` tells of."""

    @property
    def metadata(self) -> Any: ...
    @property
    def form(self) -> Form: ...
    @property
    def settings(self) -> dict[str, dict[str, Any]]: ...
    @property
    def num_parameters(self) -> int: ...
    @property
    def macs_per_sample(self) -> int: ...
    @property
    def receptive_field(self) -> int | None: ...


def described(model: Describable) -> dict[str, Any]:
    """What `wavegen info` prints: settings, size, and where the weights come from."""
    about = {
        **model.settings,
        **model.form.entry,
        "parameters": model.num_parameters,
        "macs_per_sample": model.macs_per_sample,
        "receptive_field": model.receptive_field,
    }
    return about | in_short(model.metadata) | about  # what the model knows of itself comes before what its file says


@dataclass(frozen=True, eq=False)
class Model:
    """What a model file says, checked.

    Args:
        config: codec, distribution, network, predictor and sample rate.
        metadata: plain values: corpus fingerprint, seed, training time …
        arrays: the weights, float32, by their names in the torch module's state dict.
    """

    config: AudioConfig
    metadata: dict[str, Any]
    arrays: Mapping[str, np.ndarray]

    kind: ClassVar[str] = AUDIO

    def data(self) -> Model:
        """Itself."""
        return self

    def module(self) -> AudioModel:
        """The torch module of this model, in evaluation mode; it shares the arrays' memory. Imports torch."""
        from wavegen.models.audio import AudioModel

        return AudioModel.from_data(self)

    @property
    def codec(self) -> Codec:
        return self.config.codec

    @property
    def distribution(self) -> DistributionConfig:
        return self.config.distribution

    @property
    def network(self) -> NetworkConfig:
        return self.config.network

    @property
    def predictor(self) -> LinearPredictorConfig | None:
        return self.config.predictor

    @property
    def sample_rate(self) -> int:
        return self.config.sample_rate

    @property
    def form(self) -> AudioForm:
        return self.config.form

    @property
    def settings(self) -> dict[str, dict[str, Any]]:
        return self.config.settings

    @property
    def num_params(self) -> int:
        """How many numbers say how one sample is distributed: what bounds how many are scored at once."""
        return self.distribution.num_params

    @property
    def num_parameters(self) -> int:
        return sum(array.size for array in self.arrays.values())

    @property
    def num_bytes(self) -> int:
        """Of the weights."""
        return sum(array.nbytes for array in self.arrays.values())

    @property
    def macs_per_sample(self) -> int:
        return self.config.macs_per_sample

    @property
    def receptive_field(self) -> int | None:
        return self.config.receptive_field

    def describe(self) -> dict[str, Any]:
        """What `wavegen info` prints."""
        return described(self)

    @cached_property
    def network_arrays(self) -> dict[str, np.ndarray]:
        """The network's weights, by their names in its own state dict."""
        start = "network."
        return {name.removeprefix(start): array for name, array in self.arrays.items() if name.startswith(start)}

    @property
    def input_table(self) -> np.ndarray:
        """What the network hears of each symbol, (num_symbols, channels) float32."""
        return self.arrays["embedding.weight"] if self.config.embeds else amplitudes(self.codec)

    @property
    def error_table(self) -> np.ndarray:
        """What it hears of each error of the predictor, by code + 32768, (65536,) float32; empty without one."""
        return _NONE if self.predictor is None else companded()

    @property
    def predictor_weights(self) -> np.ndarray:
        """The predictor's filter, the newest sample's first, (taps,) float32; empty without one."""
        return _NONE if self.predictor is None else self.arrays["predictor.weights"]

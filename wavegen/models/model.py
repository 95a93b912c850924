"""A model of audio as data: its config and weights, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Protocol, cast

import numpy as np

from wavegen.models.configs.audio import AudioConfig, OfConfig
from wavegen.models.configs.base import Tables, part_of
from wavegen.models.configs.conditioning import CONDITIONING_CONFIGS
from wavegen.models.forms import AUDIO, Form, PictureShape
from wavegen.models.inputs import amplitudes, companded
from wavegen.models.metadata import Metadata
from wavegen.models.spectral_filters import SpectralFilters
from wavegen.models.training_provenance import in_short

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wavegen.models.audio import AudioModel
    from wavegen.models.configs.conditioning import ConditioningConfig
    from wavegen.models.configs.distributions import DistributionConfig
    from wavegen.models.configs.networks import NetworkConfig
    from wavegen.models.configs.predictors import PredictorConfig

_NONE = np.zeros(0, np.float32)


class AnyAudio(Protocol):
    """A model of audio, as data or as a torch module: either gives the other."""

    @property
    def metadata(self) -> Metadata: ...

    def data(self) -> Model: ...

    def module(self) -> AudioModel: ...


class Describable(Protocol):
    """A model of any kind, as data or as a torch module."""

    @property
    def metadata(self) -> Metadata: ...
    @property
    def form(self) -> Form: ...
    @property
    def settings(self) -> Tables: ...
    @property
    def num_parameters(self) -> int: ...
    @property
    def macs_per_sample(self) -> int: ...
    @property
    def receptive_field(self) -> int | None: ...


class ModelDescription(Metadata, total=False):
    """The JSON of `wavegen info MODEL`: settings by part, size, and the metadata `in_short`."""

    density: dict[str, object]  # of pictures
    codec: dict[str, object]  # of audio
    distribution: dict[str, object]
    predictor: dict[str, object]
    conditioning: dict[str, object]
    network: dict[str, object]
    sample_rate: int  # Hz, of audio
    picture_shape: PictureShape  # of pictures
    speaker_rows: int
    frame_ms: float
    look_ahead_ms: float
    parameters: int
    macs_per_sample: int
    receptive_field: int | None


def described(model: Describable) -> ModelDescription:
    """Settings, size and training provenance, as `wavegen info` prints them."""
    about: dict[str, object] = {
        **model.settings,
        **model.form.entry,
        **_of_condition(model),
        "parameters": model.num_parameters,
        "macs_per_sample": model.macs_per_sample,
        "receptive_field": model.receptive_field,
    }
    # A key of the metadata never replaces one of the model.
    return cast(ModelDescription, about | {**in_short(model.metadata)} | about)


def _of_condition(model: Describable) -> dict[str, object]:
    """The figures that follow from the conditioning, of a model that has one."""
    rate = model.form.sample_rate
    if rate is None or "conditioning" not in model.settings:
        return {}
    return part_of(model.settings, "conditioning", CONDITIONING_CONFIGS).figures(rate)


@dataclass(frozen=True, eq=False)
class Model(OfConfig):
    """The checked contents of a model file.

    Args:
        config: codec, distribution, network, predictor, conditioning and sample rate.
        metadata: how it was made: corpus fingerprint, seed, training time …
        arrays: the weights, float32, by their names in the torch module's state dict.
    """

    config: AudioConfig
    metadata: Metadata
    arrays: Mapping[str, NDArray[np.float32]]

    kind: ClassVar[str] = AUDIO

    def data(self) -> Model:
        """Itself."""
        return self

    def module(self) -> AudioModel:
        """The torch module of this model, in evaluation mode; it shares the arrays' memory. Imports torch."""
        from wavegen.models.audio import AudioModel

        return AudioModel.from_data(self)

    @property
    def distribution(self) -> DistributionConfig:
        return self.config.distribution

    @property
    def network(self) -> NetworkConfig:
        return self.config.network

    @property
    def predictor(self) -> PredictorConfig | None:
        return self.config.predictor

    @property
    def conditioning(self) -> ConditioningConfig | None:
        return self.config.conditioning

    @property
    def num_params(self) -> int:
        """How many parameters the distribution of one sample has, which limits how many samples are scored at once."""
        return self.distribution.num_params

    @property
    def num_parameters(self) -> int:
        """How many numbers the weights are."""
        return sum(array.size for array in self.arrays.values())

    @property
    def num_bytes(self) -> int:
        """Bytes of the weights."""
        return sum(array.nbytes for array in self.arrays.values())

    def describe(self) -> ModelDescription:
        """Settings, size and training provenance, as `wavegen info` prints them."""
        return described(self)

    @cached_property
    def network_arrays(self) -> dict[str, NDArray[np.float32]]:
        """The network's weights, by their names in its own state dict."""
        return self._arrays_of("network.")

    @cached_property
    def conditioning_arrays(self) -> dict[str, NDArray[np.float32]]:
        """The weights of the encoder of conditions, by their names in its own state dict; empty without one."""
        return self._arrays_of("conditioning.")

    def _arrays_of(self, prefix: str) -> dict[str, NDArray[np.float32]]:
        return {name.removeprefix(prefix): array for name, array in self.arrays.items() if name.startswith(prefix)}

    @property
    def input_table(self) -> NDArray[np.float32]:
        """The network's input for each symbol, (num_symbols, channels) float32."""
        return self.arrays["embedding.weight"] if self.config.embeds else amplitudes(self.codec)

    @property
    def error_table(self) -> NDArray[np.float32]:
        """The network's input for each error of the predictor, by code + 32768, (65536,) float32; empty without one."""
        return _NONE if self.predictor is None else companded()

    @property
    def predictor_weights(self) -> NDArray[np.float32]:
        """The predictor's filter, the newest sample's first, (taps,) float32; empty without one that never changes."""
        return _NONE if self.predictor is None or self.predictor.needs_mel else self.arrays["predictor.weights"]

    @cached_property
    def spectral_filters(self) -> SpectralFilters | None:
        """The filters of frames, of a model whose predictor takes some."""
        if self.predictor is None or self.conditioning is None or not self.predictor.needs_mel:
            return None
        return SpectralFilters(self.conditioning, self._arrays_of("predictor."), self.predictor.f0_sample_rate)

"""A model of audio by its settings: its parts, the shapes of its weights, and its costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wavegen.models.codecs import CODECS, Codec
from wavegen.models.configs.base import Part, Settings, Tables, part_of, settings_of
from wavegen.models.configs.conditioning import CONDITIONING_CONFIGS, ConditioningConfig
from wavegen.models.configs.distributions import DISTRIBUTION_CONFIGS, DistributionConfig
from wavegen.models.configs.networks import NETWORK_CONFIGS, NetworkConfig, Shapes
from wavegen.models.configs.predictors import PREDICTOR_CONFIGS, PredictorConfig
from wavegen.models.forms import AudioForm
from wavegen.models.inputs import EMBEDDING_CHANNELS, MAX_EMBEDDINGS, symbol_channels

AUDIO_PARTS: Mapping[str, Mapping[str, type[Part]]] = {
    "codec": CODECS,
    "distribution": DISTRIBUTION_CONFIGS,
    "predictor": PREDICTOR_CONFIGS,
    "conditioning": CONDITIONING_CONFIGS,
    "network": NETWORK_CONFIGS,
}


@dataclass(frozen=True)
class AudioConfig:
    """Everything about a model but its weights and how it was made."""

    codec: Codec
    distribution: DistributionConfig
    network: NetworkConfig
    predictor: PredictorConfig | None
    sample_rate: int
    conditioning: ConditioningConfig | None = None

    @classmethod
    def from_settings(cls, settings: Settings, sample_rate: int) -> AudioConfig:
        """Raises KeyError for an unknown name and TypeError for an unknown setting; check them before."""
        codec = part_of(settings, "codec", CODECS)
        distribution = part_of(settings, "distribution", DISTRIBUTION_CONFIGS, codec.num_symbols)
        conditioning = None
        if settings.get("conditioning"):
            conditioning = part_of(settings, "conditioning", CONDITIONING_CONFIGS)
        predictor = None
        if settings.get("predictor"):
            bands = 0 if conditioning is None else conditioning.mel_channels
            f0_sample_rate = sample_rate if conditioning is not None and conditioning.f0 else 0
            predictor = part_of(settings, "predictor", PREDICTOR_CONFIGS, bands, f0_sample_rate)
        channels = symbol_channels(codec) + (0 if predictor is None else predictor.input_channels)
        sizes = (channels, distribution.num_params, 0 if conditioning is None else conditioning.channels)
        network = part_of(settings, "network", NETWORK_CONFIGS, *sizes)
        return cls(codec, distribution, network, predictor, sample_rate, conditioning)

    @property
    def settings(self) -> Tables:
        """The argument of `from_settings`."""
        parts: dict[str, Part] = {"codec": self.codec, "distribution": self.distribution, "network": self.network}
        if self.predictor is not None:
            parts["predictor"] = self.predictor
        if self.conditioning is not None:
            parts["conditioning"] = self.conditioning
        return {name: settings_of(part) for name, part in parts.items()}

    @property
    def form(self) -> AudioForm:
        return AudioForm(self.sample_rate)

    @property
    def embeds(self) -> bool:
        """Whether the network's inputs are a learned embedding of symbols, not amplitudes."""
        return self.codec.num_symbols <= MAX_EMBEDDINGS

    @property
    def shapes(self) -> Shapes:
        """The shape of every weight, by its name in a model file."""
        shapes = {f"network.{name}": shape for name, shape in self.network.shapes.items()}
        if self.predictor is not None:
            shapes |= {f"predictor.{name}": shape for name, shape in self.predictor.shapes.items()}
        if self.conditioning is not None:
            shapes |= {f"conditioning.{name}": shape for name, shape in self.conditioning.shapes.items()}
        if self.embeds:
            shapes["embedding.weight"] = (self.codec.num_symbols, EMBEDDING_CHANNELS)
        return shapes

    @property
    def receptive_field(self) -> int | None:
        """How many samples before it a distribution depends on at most; None: all."""
        if self.network.receptive_field is None or self.predictor is None:
            return self.network.receptive_field
        # The oldest input of the network is an error of the predictor, which depends on the predictor's own inputs.
        return self.network.receptive_field + self.predictor.receptive_field

    @property
    def macs_per_sample(self) -> int:
        """Multiply-adds to step one sample, a frame's divided by its samples; looking up an embedding costs none."""
        macs = self.network.macs_per_sample
        macs += 0 if self.predictor is None else self.predictor.macs_per_sample
        return macs + (
            0 if self.conditioning is None else self.conditioning.macs_per_sample(self.network.condition_macs)
        )


class OfConfig:
    """The answers that a model as data and a torch module have from the same config."""

    config: AudioConfig

    @property
    def codec(self) -> Codec:
        return self.config.codec

    @property
    def sample_rate(self) -> int:
        return self.config.sample_rate

    @property
    def form(self) -> AudioForm:
        return self.config.form

    @property
    def settings(self) -> Tables:
        """The argument of `from_settings`, to build this model again."""
        return self.config.settings

    @property
    def receptive_field(self) -> int | None:
        """How many samples before it a distribution depends on at most; None: all."""
        return self.config.receptive_field

    @property
    def macs_per_sample(self) -> int:
        """Multiply-adds to step one sample, a frame's divided by its samples; looking up an embedding costs none."""
        return self.config.macs_per_sample

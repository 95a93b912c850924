"""The density of audio: codec, network, predictor and distribution make log-probabilities of PCM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from wavegen import modelfile
from wavegen.models.codecs import PCM_CODES, Codec
from wavegen.models.conditioning import CONDITIONINGS, Condition, Conditioning, Conditions, ConditionState
from wavegen.models.configs.audio import AUDIO_PARTS, AudioConfig, OfConfig
from wavegen.models.configs.base import Settings, keywords_given
from wavegen.models.density import Density
from wavegen.models.distributions import DISTRIBUTIONS, Distribution
from wavegen.models.forms import AUDIO, AudioForm
from wavegen.models.given import Given, check_given
from wavegen.models.inputs import EMBEDDING_CHANNELS, amplitudes, companded
from wavegen.models.model import Model
from wavegen.models.network import State
from wavegen.models.networks import NETWORKS
from wavegen.models.networks.base import Network
from wavegen.models.predictors import PREDICTORS, Prediction, Predictor, PredictorState

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wavegen.modelfile import Contents


class AudioState(NamedTuple):
    """The state from chunk to chunk: the last PCM code, (batch,) int64, and the states of the model's parts."""

    last: Tensor
    network: State
    predictor: PredictorState | None
    condition: ConditionState | None = None


class AudioModel(OfConfig, Density):
    """p(pcm) = Π_t p(pcm_t | pcm_<t), with p(pcm_t | ·) = (1 − ε) P(symbol_t | ·) / codes(symbol_t) + ε / 65536.

    With `conditioning` it is p(pcm | speaker, frames); either may be unknown.

    ε = 2⁻¹⁴. The model shifts by one itself: the input at t describes sample t − 1, and the sample before
    a file is silence. The network's inputs are a learned embedding of the symbol or, for a codec with more than 512,
    two channels of amplitude, linear and companded. With a predictor there is one more: its error in the last sample,
    rounded to whole codes and companded; of a spectral one, in units, with the next sample's location and, of
    frames with F0, the error of one period before it.
    """

    kind: ClassVar[str] = AUDIO
    PARTS: ClassVar = AUDIO_PARTS
    DEFAULTS: ClassVar = {
        "codec": {"name": "mu-law"},
        "distribution": {"name": "categorical"},
        "conditioning": {"name": "encoder"},
    }
    OPTIONAL: ClassVar = ("predictor", "conditioning")

    network: Network
    amplitudes: Tensor
    errors: Tensor
    symbol_of_code: Tensor  # by code + 32768
    code_of_symbol: Tensor

    def __init__(
        self,
        codec: Codec,
        distribution: Distribution,
        network: Network,
        sample_rate: int,
        predictor: Predictor | None = None,
        conditioning: Conditioning | None = None,
    ):
        super().__init__(distribution, network, codec.codes_per_symbol)
        self.predictor, self.conditioning = predictor, conditioning
        predicting = None if predictor is None else predictor.config
        given = None if conditioning is None else conditioning.config
        self.config = AudioConfig(codec, distribution.config, network.config, predicting, sample_rate, given)
        self.keep("symbol_of_code", codec.encode(np.arange(PCM_CODES) - PCM_CODES // 2))
        self.keep("code_of_symbol", codec.decode(np.arange(codec.num_symbols)))
        self.keep("errors", companded()[:, None])
        if not self.config.embeds:
            self.keep("amplitudes", amplitudes(codec))
            self.embedding = None
            return
        self.embedding = nn.Embedding(codec.num_symbols, EMBEDDING_CHANNELS)
        with torch.no_grad():  # two channels begin as the amplitude, linear and of the middle code
            self.embedding.weight[:, 0] = torch.linspace(-2, 2, codec.num_symbols, device="cpu")
            self.embedding.weight[:, 1] = self.code_of_symbol.float() / 8192

    @classmethod
    def from_settings(cls, settings: Settings, form: AudioForm) -> AudioModel:
        """Builds an untrained model of sound of that form from the settings of a model or the tables of a recipe.

        Raises KeyError for an unknown name and TypeError for an unknown setting; `wavegen.models.parts` checks before.
        """
        return cls.from_config(AudioConfig.from_settings(settings, form.sample_rate))

    @classmethod
    def from_config(cls, config: AudioConfig) -> AudioModel:
        """Builds an untrained model."""
        codes = config.codec.codes_per_symbol
        distribution = DISTRIBUTIONS[config.distribution.name](codes, **keywords_given(config.distribution))
        predictor = None
        if config.predictor is not None:
            given = keywords_given(config.predictor)
            of_frames = (config.predictor.bands, config.predictor.f0_sample_rate)
            predictor = PREDICTORS[config.predictor.name](*of_frames, **given)
        conditioning = None
        if config.conditioning is not None:
            conditioning = CONDITIONINGS[config.conditioning.name](**keywords_given(config.conditioning))
        sizes = (config.network.input_channels, config.network.num_params, config.network.condition_channels)
        network = NETWORKS[config.network.name](*sizes, **keywords_given(config.network))
        return cls(config.codec, distribution, network, config.sample_rate, predictor, conditioning)

    @classmethod
    def from_data(cls, data: Model) -> AudioModel:
        """Builds the torch module of a model, in evaluation mode; it shares the arrays' memory."""
        with torch.device("meta"):  # the weights exist already
            model = cls.from_config(data.config)
        model.take_weights(data.arrays, data.metadata)
        return model

    @classmethod
    def from_contents(cls, contents: Contents) -> AudioModel:
        return cls.from_data(modelfile.model_of(contents))

    def data(self) -> Model:
        """The model as data. Float32 weights in a CPU's memory are shared: training changes the arrays."""
        state = {name: weight.detach().cpu().float().contiguous() for name, weight in self.state_dict().items()}
        return Model(self.config, self.metadata, {name: weight.numpy() for name, weight in state.items()})

    def module(self) -> AudioModel:
        """Itself."""
        return self

    @property
    def device(self) -> torch.device:
        """The device of its weights."""
        return self.input_table().device

    @property
    def alignment(self) -> int:
        return self.network.alignment

    def context(self, warm_up: int) -> int:
        """Unscored samples at the start of a training window: the receptive field, or `warm_up` if it is unlimited.

        A warm-up fills the predictor's taps at least, since its expectation with zeros in them occurs in no file.
        """
        if self.receptive_field is not None:
            return self.receptive_field - 1
        return warm_up if self.predictor is None else max(warm_up, self.predictor.receptive_field)

    def fit(self, recordings: Sequence[NDArray[np.int16]], frames: Sequence[NDArray[np.float32]] = ()) -> None:
        """Starts the predictor from a least-squares fit to the recordings, and normalises their frames."""
        if self.predictor is not None:
            self.predictor.fit(recordings, frames, self.config)
        if self.conditioning is not None:
            self.conditioning.fit(frames)

    def input_table(self) -> Tensor:
        """The network's input for each symbol, (num_symbols, channels)."""
        return self.amplitudes if self.embedding is None else self.embedding.weight

    def encode(self, pcm: Tensor) -> Tensor:
        """PCM codes −32768…32767, any shape and integer dtype, to the codec's symbols, int64."""
        return self.symbol_of_code[pcm.long() + PCM_CODES // 2]

    def decode(self, symbols: Tensor) -> Tensor:
        """Symbols, any shape, to the middle PCM code of their cells, int64."""
        return self.code_of_symbol[symbols.long()]

    def initial_state(
        self, batch_size: int, before: Tensor | None = None, conditions: Sequence[Given] | None = None
    ) -> AudioState:
        """The state at the start of a file, or of a window after the codes `before`, (batch,) int64.

        Args:
            batch_size: number of files.
            before: the code before each; silence unless given.
            conditions: of each file from its start on; unknown speakers and no frames unless given.

        Raises UserError for conditions that the model does not take.
        """
        last = torch.zeros(batch_size, dtype=torch.int64, device=self.device) if before is None else before
        given = conditions or [Given()] * batch_size
        if self.conditioning is not None:
            return self.window_state(last, self.conditioning.batch(given))
        for one in given:
            check_given(None, one)
        return self.window_state(last)

    def window_state(self, before: Tensor, conditions: Sequence[Tensor] = ()) -> AudioState:
        predictor = None if self.predictor is None else self.predictor.initial_state(len(before))
        condition = None if self.conditioning is None else self._conditioned(self.conditioning, Conditions(*conditions))
        return AudioState(before, self.network.initial_state(len(before)), predictor, condition)

    def _conditioned(self, conditioning: Conditioning, conditions: Conditions) -> ConditionState:
        state = conditioning(conditions)
        filters = None if self.predictor is None else self.predictor.filters(conditions, conditioning)
        return state._replace(filters=filters)

    def params(self, pcm: Tensor, state: AudioState) -> tuple[Tensor, Tensor | None, AudioState]:
        """The parameters of each PCM code's distribution, their location, and the state after the last code.

        Args:
            pcm: (batch, time) integer.
            state: before the first code.

        Returns: parameters (batch, time, num_params), location (batch, time) float64, None without a predictor, state.
        """
        condition, condition_state = self._condition(pcm.shape[1], state)
        inputs, expected = self._inputs(pcm.long(), state, condition)
        params, network_state = self.network(inputs, state.network, condition)
        if expected is None:
            return params, None, AudioState(pcm[:, -1].long(), network_state, None, condition_state)
        if expected.log_unit is not None:
            params = self.distribution.in_units(params, expected.log_unit)
        following = AudioState(pcm[:, -1].long(), network_state, expected.state, condition_state)
        return params, expected.location, following

    def features(self, batch: Tensor, state: AudioState | None = None) -> tuple[Tensor, AudioState]:
        """The network's features before each PCM code, (batch, time) integer to (batch, time, channels) float."""
        state = self.initial_state(len(batch)) if state is None else state
        condition, condition_state = self._condition(batch.shape[1], state)
        inputs, expected = self._inputs(batch.long(), state, condition)
        features, network_state = self.network.features(inputs, state.network, condition)
        predictor_state = None if expected is None else expected.state
        return features, AudioState(batch[:, -1].long(), network_state, predictor_state, condition_state)

    def _condition(self, time: int, state: AudioState) -> tuple[Condition | None, ConditionState | None]:
        """The condition of the next samples, and its state after them."""
        if self.conditioning is None or state.condition is None:
            return None, None
        return self.conditioning.of_samples(state.condition, time)

    def _inputs(self, pcm: Tensor, state: AudioState, condition: Condition | None) -> tuple[Tensor, Prediction | None]:
        """The network's inputs, (batch, time, channels), and what the predictor expects."""
        before = self.encode(torch.cat([state.last.unsqueeze(1), pcm[:, :-1]], dim=1))
        inputs = nn.functional.embedding(before, self.input_table())
        if self.predictor is None:
            return inputs, None
        filters = None if condition is None else condition.repeated_filters()
        expected = self.predictor(self.decode(before), state.predictor, filters)
        values = torch.stack(expected.inputs, dim=2)
        code = torch.floor(values + 0.5).clamp(-PCM_CODES // 2, PCM_CODES // 2 - 1).long() + PCM_CODES // 2
        told = nn.functional.embedding(code, self.errors).squeeze(3)
        return torch.cat([inputs, told], dim=2), expected

    def log2_prob(self, batch: Tensor, state: AudioState | None = None) -> tuple[Tensor, AudioState]:
        """log2 p of each PCM code, (batch, time) integer to (batch, time) float, and the state after it."""
        state = self.initial_state(len(batch)) if state is None else state
        params, location, state = self.params(batch, state)
        return self.code_log2_prob(params, batch, location), state

    def code_log2_prob(self, params: Tensor, pcm: Tensor, location: Tensor | None = None) -> Tensor:
        """log2 p of each PCM code, any shape of integers, by parameters (…, num_params) and their location."""
        return self.symbol_log2_prob(params, self.encode(pcm), location)

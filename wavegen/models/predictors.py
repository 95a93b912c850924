"""Predictors: the next sample expected from the last ones, by a filter of the model's or of the frame's spectrum."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from wavegen.audio.spectral.autocorrelation import autocorrelation_of_bands
from wavegen.models.configs.predictors import LinearPredictorConfig, PredictorConfig, SpectralPredictorConfig
from wavegen.models.frames import frame_settings
from wavegen.models.predictor_fit import (
    drawn,
    error_in_units,
    error_of_filter,
    least_squares,
    least_squares_pitch_gain,
)
from wavegen.models.spectral_filters import MIN_UNIT, REFERENCE, SpectralFilters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wavegen.models.conditioning import Conditioning, Conditions
    from wavegen.models.configs.audio import AudioConfig
    from wavegen.models.configs.conditioning import ConditioningConfig


class PredictorState(NamedTuple):
    """The samples before the last one that matter, (batch, receptive_field − 1), and the last location, (batch,)."""

    history: Tensor
    expected: Tensor


class Prediction(NamedTuple):
    """The expectation of samples, float64.

    Args:
        location: (batch, time).
        inputs: of the network, in PCM codes or in units of 1 / REFERENCE, (batch, time) each; the first is the last
            sample's error, pcm_{t−1} − location_{t−1}. They carry no gradient.
        log_unit: logarithm of what one unit of a mixture's scales is, (batch, time); None for PCM codes.
        state: after the samples.
    """

    location: Tensor
    inputs: tuple[Tensor, ...]
    log_unit: Tensor | None
    state: PredictorState


class Predictor(nn.Module, ABC):
    """The location of each sample from the ones before it: it shifts a mixture, which models the difference from it.

    Args:
        bands: mel bands of a frame of the model; 0 without.
        f0_sample_rate: in Hz, of a model whose frames tell F0; 0 for any other.
        settings: keyword-only arguments of the config.
    """

    name: ClassVar[str]
    of: ClassVar[Callable[..., PredictorConfig]]  # makes the config

    def __init__(self, bands: int = 0, f0_sample_rate: int = 0, **settings: object):
        super().__init__()
        self.config = self.of(bands, f0_sample_rate, **settings)
        (self.taps,) = self.config.shapes["weights"]
        self.weights = nn.Parameter(torch.zeros(self.taps))  # the newest sample's first
        with torch.no_grad():
            self.weights[0] = 1.0

    @property
    def receptive_field(self) -> int:
        return self.config.receptive_field

    def initial_state(self, batch_size: int) -> PredictorState:
        """The state at the start of a file: zeros before it, and zero expected; float64."""
        size = (batch_size, self.receptive_field)
        zeros = torch.zeros(size, dtype=torch.float64, device=self.weights.device)
        return PredictorState(zeros[:, 1:], zeros[:, 0])

    @abstractmethod
    def forward(self, before: Tensor, state: PredictorState, filters: Tensor | None = None) -> Prediction:
        """The expectation of each sample from the code before it, (batch, time).

        `filters` has the row of each sample, (batch, time or 1, width), of a predictor whose `filters` gives some.
        """

    def filters(self, conditions: Conditions, conditioning: Conditioning) -> Tensor | None:
        """A row for each frame of a batch of conditions, (batch, frames, width) float64; None if frames do not matter.

        `wavegen.models.spectral_filters` says what a row is.
        """
        return None

    def fit(
        self, recordings: Sequence[np.ndarray], frames: Sequence[np.ndarray] = (), config: AudioConfig | None = None
    ) -> None:
        """Starts from the least-squares filter of `recordings`, each (samples,) int16.

        Args:
            recordings: those shorter than the filter change nothing.
            frames: of each recording, (frames, F) float32, of a predictor that takes some.
            config: of the model, for such a predictor.
        """
        if (solution := least_squares(drawn(recordings, self.taps), self.taps)) is not None:
            _set(self.weights, solution)


def _following(history: Tensor, location: Tensor, state: PredictorState) -> tuple[Tensor, PredictorState]:
    """The location before each sample's, without gradient, and the state after all."""
    expected = torch.cat([state.expected.unsqueeze(1), location.detach()], dim=1)
    return expected[:, :-1], PredictorState(history[:, location.shape[1] :].clone(), expected[:, -1].clone())


class LinearPredictor(Predictor):
    """location_t = Σ_{i = 1 … taps} weights[i − 1] · pcm_{t − i}, in float64: a learned linear predictive filter.

    Its error is an input.
    """

    name: ClassVar[str] = LinearPredictorConfig.name
    of: ClassVar[Callable[..., PredictorConfig]] = LinearPredictorConfig

    def forward(self, before: Tensor, state: PredictorState, filters: Tensor | None = None) -> Prediction:
        before = before.double()
        history = torch.cat([state.history, before], dim=1)
        kernel = self.weights.double().flip(0).view(1, 1, -1)
        location = nn.functional.conv1d(history.unsqueeze(1), kernel).squeeze(1)
        expected, following = _following(history, location, state)
        return Prediction(location, (before - expected,), None, following)


class SpectralPredictor(Predictor):
    """location_t = Σ_{i = 1 … order} taps_k[i − 1] · pcm_{t − i}, in float64, by the filter of the sample's frame k.

    Scales of a mixture are in units of that filter's error. The error of the last sample and the location, in units,
    are inputs. Where no frames are given it is one filter for all time, of least squares. Nothing of it is trained.

    Where frame k is voiced, location_t has pitch_gain · e more, e being the error that its filter makes one period of
    F0 before t, which is an input too.
    """

    name: ClassVar[str] = SpectralPredictorConfig.name
    of: ClassVar[Callable[..., PredictorConfig]] = SpectralPredictorConfig

    def __init__(self, bands: int = 0, f0_sample_rate: int = 0, **settings: object):
        super().__init__(bands, f0_sample_rate, **settings)
        self.autocorrelation = nn.Parameter(torch.zeros(self.config.shapes["autocorrelation"]))
        self.level = nn.Parameter(torch.ones(()))  # until it is fitted
        self.floor = nn.Parameter(torch.full((), MIN_UNIT**2))  # of digital silence, in squared codes
        self.unit = nn.Parameter(torch.full((), REFERENCE))  # where no frames are given
        if f0_sample_rate:
            self.pitch_gain = nn.Parameter(torch.zeros(()))
        self.requires_grad_(False)

    def forward(self, before: Tensor, state: PredictorState, filters: Tensor | None = None) -> Prediction:
        assert filters is not None, "the model is conditioned on a mel spectrogram"
        before = before.double()
        time = before.shape[1]
        history = torch.cat([state.history, before], dim=1)
        location = torch.zeros_like(before)
        for i in range(self.taps):
            location = location + filters[:, :, i] * history[:, self.receptive_field - 1 - i :][:, :time]
        gain = filters[:, :, -2]
        log_unit = filters[:, :, -1].expand_as(location)
        repeated = ()
        if self.config.max_lag:
            error = self._error_a_period_before(history, filters.expand(-1, time, -1))
            location = location + filters[:, :, self.taps + 1] * error
            repeated = (error * gain,)
        expected, following = _following(history, location, state)
        return Prediction(location, ((before - expected) * gain, location * gain, *repeated), log_unit, following)

    def _error_a_period_before(self, history: Tensor, filters: Tensor) -> Tensor:
        """As in `wavegen.models.spectral_filters`, (batch, time), of samples that come one after the other."""
        lag = filters[:, :, self.taps]
        whole = lag.floor().clamp(min=1)
        part = (lag - whole).clamp(min=0)
        newest = self.receptive_field - 1 + torch.arange(lag.shape[1], device=lag.device)
        newer = newest + 1 - whole.long()

        def back(samples: int) -> Tensor:
            return (1 - part) * history.gather(1, newer - samples) + part * history.gather(1, newer - samples - 1)

        error = back(0)
        for i in range(self.taps):
            error = error - filters[:, :, i] * back(i + 1)
        return torch.where(lag > 0, error, 0)

    def filters(self, conditions: Conditions, conditioning: Conditioning) -> Tensor:
        from_frames = self._filters(conditioning.config)
        ahead = conditioning.config.look_ahead
        frames = conditions.frames[:, ahead : conditions.frames.shape[1] - ahead].cpu()
        found = from_frames.of(frames.flatten(0, 1).numpy()).reshape(*frames.shape[:2], -1)
        found[~conditions.given.cpu().numpy()] = from_frames.without
        return torch.from_numpy(found).to(self.weights.device)

    def fit(
        self, recordings: Sequence[np.ndarray], frames: Sequence[np.ndarray] = (), config: AudioConfig | None = None
    ) -> None:
        super().fit(recordings)
        assert config is not None, "it says what frames are"
        settings = frame_settings(config)
        conditioning = config.conditioning
        assert settings is not None, "it has a mel spectrogram"
        assert conditioning is not None, "it has a mel spectrogram"
        _set(self.autocorrelation, autocorrelation_of_bands(settings, self.taps))
        weights = self.weights.detach().cpu().double().numpy()
        if (unit := error_of_filter(drawn(recordings, self.taps), weights)) is not None:
            _set(self.unit, np.array(max(unit, MIN_UNIT)))
        if self.config.max_lag:
            found = drawn(recordings, self.receptive_field)
            gain = least_squares_pitch_gain(found, self._filters(conditioning), frames, settings.hop)
            _set(self.pitch_gain, np.array(gain))
        filters = self._filters(conditioning)
        if level := error_in_units(drawn(recordings, self.receptive_field), filters, frames, settings.hop):
            _set(self.level, np.array(level))

    def _filters(self, config: ConditioningConfig) -> SpectralFilters:
        arrays = {name: each.detach().cpu().numpy() for name, each in self.named_parameters()}
        return SpectralFilters(config, arrays, self.config.f0_sample_rate)


def _set(weight: Tensor, values: NDArray[np.float64]) -> None:
    with torch.no_grad():
        weight.copy_(torch.as_tensor(values))


PREDICTORS: dict[str, Callable[..., Predictor]] = {one.name: one for one in (LinearPredictor, SpectralPredictor)}

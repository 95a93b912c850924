"""Predictors: the next sample expected from the last ones alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from wavegen.models.configs.predictors import LinearPredictorConfig

FIT_SAMPLES = 300_000  # of a least-squares start


class PredictorState(NamedTuple):
    """The taps − 1 codes before the last one, (batch, taps − 1), and the last location, (batch,)."""

    history: Tensor
    expected: Tensor


class LinearPredictor(nn.Module):
    """location_t = Σ_{i = 1 … taps} weights[i − 1] · pcm_{t − i}, in float64: a learned linear predictive filter.

    It shifts a mixture's location, so that the network models only the difference from it, and gives the error of the
    last location as an input.
    """

    name: ClassVar[str] = LinearPredictorConfig.name
    of: ClassVar[Callable[..., LinearPredictorConfig]] = LinearPredictorConfig

    def __init__(self, **settings: object):
        super().__init__()
        self.config = self.of(**settings)
        self.taps = self.config.taps
        self.weights = nn.Parameter(torch.zeros(self.taps))  # the newest sample's first
        with torch.no_grad():
            self.weights[0] = 1.0

    @property
    def receptive_field(self) -> int:
        return self.config.receptive_field

    def initial_state(self, batch_size: int) -> PredictorState:
        """The state at the start of a file: zeros before it, and zero expected; float64."""
        zeros = torch.zeros(batch_size, self.taps, dtype=torch.float64, device=self.weights.device)
        return PredictorState(zeros[:, 1:], zeros[:, 0])

    def forward(self, before: Tensor, state: PredictorState) -> tuple[Tensor, Tensor, PredictorState]:
        """The code before each sample, (batch, time), to the sample's location and that code's error.

        Both are (batch, time) float64; error_t = pcm_{t−1} − location_{t−1} carries no gradient. Then the state.
        """
        before = before.double()
        history = torch.cat([state.history, before], dim=1)
        kernel = self.weights.double().flip(0).view(1, 1, -1)
        location = nn.functional.conv1d(history.unsqueeze(1), kernel).squeeze(1)
        expected = torch.cat([state.expected.unsqueeze(1), location.detach()], dim=1)
        following = PredictorState(history[:, before.shape[1] :].clone(), expected[:, -1].clone())
        return location, before - expected[:, :-1], following

    def fit(self, recordings: Sequence[np.ndarray], seed: int = 0) -> None:
        """Starts from the least-squares filter of `recordings`, each (samples,) int16.

        Samples are drawn from all recordings and weighted by one over the squared mean difference of neighbours there;
        otherwise loud passages alone would decide. Recordings shorter than the filter change nothing.
        """
        random = np.random.default_rng(seed)
        share = FIT_SAMPLES / max(1, sum(map(len, recordings)))
        square, product = np.zeros((self.taps, self.taps)), np.zeros(self.taps)
        for pcm in recordings:
            starts = len(pcm) - self.taps
            if starts < 1:
                continue
            draws = random.integers(starts, size=min(starts, 1 + int(share * len(pcm))))
            rows = np.lib.stride_tricks.sliding_window_view(pcm, self.taps + 1)[draws].astype(np.float64)
            history, following = rows[:, -2::-1], rows[:, -1]
            weight = 1 / (10 + np.abs(np.diff(history, axis=1, append=history[:, -1:])).mean(axis=1)) ** 2
            square += (history * weight[:, None]).T @ history
            product += (history * weight[:, None]).T @ following
        if (size := np.trace(square)) > 0:
            solution = np.linalg.solve(square + np.eye(self.taps) * 1e-6 * size / self.taps, product)
            with torch.no_grad():
                self.weights.copy_(torch.from_numpy(solution))


PREDICTORS: dict[str, Callable[..., LinearPredictor]] = {LinearPredictor.name: LinearPredictor}

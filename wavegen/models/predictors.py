"""What the recent past alone says of the next sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from wavegen.models.configs.predictors import LinearPredictorConfig

FIT_SAMPLES = 300_000  # that a least-squares start looks at


class PredictorState(NamedTuple):
    """The taps − 1 codes before the last one, (batch, taps − 1), and what was expected in its place, (batch,)."""

    past: Tensor
    expected: Tensor


class LinearPredictor(nn.Module):
    """location_t = Σ_{i = 1 … taps} weights[i − 1] · pcm_{t − i}, in float64: a learned linear predictive filter.

    It shifts a mixture's location, so that the network needs to say only by how much the next sample
    will differ from it, and it tells how far the last sample fell from what it had expected there.
    """

    name: ClassVar[str] = LinearPredictorConfig.name

    def __init__(self, **settings: Any):
        super().__init__()
        self.config = LinearPredictorConfig(**settings)
        self.taps = self.config.taps
        self.weights = nn.Parameter(torch.zeros(self.taps))  # the newest sample's first
        with torch.no_grad():
            self.weights[0] = 1.0

    @property
    def receptive_field(self) -> int:
        return self.config.receptive_field

    def initial_state(self, batch_size: int) -> PredictorState:
        """What a file starts from: zeros before it, and zero expected; float64."""
        zeros = torch.zeros(batch_size, self.taps, dtype=torch.float64, device=self.weights.device)
        return PredictorState(zeros[:, 1:], zeros[:, 0])

    def forward(self, before: Tensor, state: PredictorState) -> tuple[Tensor, Tensor, PredictorState]:
        """The code before each sample, (batch, time), to the sample's location and that code's error.

        Both are (batch, time) float64; error_t = pcm_{t−1} − location_{t−1} carries no gradient. Then the state.
        """
        before = before.double()
        past = torch.cat([state.past, before], dim=1)
        kernel = self.weights.double().flip(0).view(1, 1, -1)
        location = nn.functional.conv1d(past.unsqueeze(1), kernel).squeeze(1)
        expected = torch.cat([state.expected.unsqueeze(1), location.detach()], dim=1)
        following = PredictorState(past[:, before.shape[1] :].clone(), expected[:, -1].clone())
        return location, before - expected[:, :-1], following

    def fit(self, recordings: Sequence[np.ndarray], seed: int = 0) -> None:
        """Starts from the least-squares filter of `recordings`, each (samples,) int16: a step towards the learned one.

        Samples are drawn from all recordings and weighted by one over the square of how much the signal moves
        there, or loud passages alone would decide. Recordings that are too short for the filter change nothing.
        """
        random = np.random.default_rng(seed)
        share = FIT_SAMPLES / max(1, sum(map(len, recordings)))
        square, product = np.zeros((self.taps, self.taps)), np.zeros(self.taps)
        for pcm in recordings:
            places = len(pcm) - self.taps
            if places < 1:
                continue
            draws = random.integers(places, size=min(places, 1 + int(share * len(pcm))))
            rows = np.lib.stride_tricks.sliding_window_view(pcm, self.taps + 1)[draws].astype(np.float64)
            past, following = rows[:, -2::-1], rows[:, -1]
            weight = 1 / (10 + np.abs(np.diff(past, axis=1, append=past[:, -1:])).mean(axis=1)) ** 2
            square += (past * weight[:, None]).T @ past
            product += (past * weight[:, None]).T @ following
        if (size := np.trace(square)) > 0:
            solution = np.linalg.solve(square + np.eye(self.taps) * 1e-6 * size / self.taps, product)
            with torch.no_grad():
                self.weights.copy_(torch.from_numpy(solution))


PREDICTORS = {predictor.name: predictor for predictor in (LinearPredictor,)}

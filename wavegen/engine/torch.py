"""The readable twin: any model, in float64, one sample at a time by means of the model's own streaming."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch

from wavegen.engine.base import NOT_FINITE, checked_pcm, checked_seeds, checked_temperature, checked_top_p
from wavegen.engine.random import places, words
from wavegen.errors import UserError
from wavegen.models.audio import AudioState
from wavegen.models.model import AnyAudio

_CHUNK = 16384  # samples of all streams together that are fed at once: it bounds memory


class TorchEngine:
    """See `wavegen.engine.base.Engine`. A random word at x (`places`) draws the k with C(k) ≤ x < C(k + 1)."""

    name, precision = "torch", "float64"

    def __init__(self, model: AnyAudio, streams: int):
        self.model = copy.deepcopy(model.module()).cpu().double().eval().requires_grad_(False)
        self.streams = streams
        self._state: AudioState = self.model.initial_state(streams)
        self._time = 0

    @torch.inference_mode()
    def generate(
        self,
        num_samples: int,
        seeds: Sequence[int],
        temperature: float = 1.0,
        top_p: float = 1.0,
        exact: bool = False,
    ) -> tuple[np.ndarray, np.ndarray]:
        keys, temperature = checked_seeds(seeds, self.streams), checked_temperature(temperature)
        top_p = checked_top_p(top_p, self.model)
        random = np.stack([words(int(key), self._time, num_samples) for key in keys])
        within = torch.from_numpy(places(random, exact))
        pcm = np.empty((self.streams, num_samples), dtype=np.int16)
        log2_prob = np.empty((self.streams, num_samples))
        for t in range(num_samples):
            codes, log2_prob[:, t] = self._draw(within[:, t], temperature, top_p, exact)
            pcm[:, t] = codes
        return pcm, log2_prob

    def _draw(
        self, within: torch.Tensor, temperature: float, top_p: float, exact: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """One sample of each stream: PCM codes and their log2 p, (streams,) each."""
        model, unknown = self.model, self._state.last.unsqueeze(1)  # params do not see the sample they are about
        params, location, state = model.params(unknown, self._state)
        params, location = _finite(params[:, 0]), None if location is None else location[:, 0]
        # C(symbol) ≤ within < C(above), by bisection.
        symbol, above = torch.zeros_like(self._state.last), torch.full_like(self._state.last, model.codec.num_symbols)
        while (above - symbol > 1).any():
            middle = symbol + (above - symbol) // 2
            low = model.cumulative(params, middle, temperature, top_p, location, exact) <= within
            symbol, above = torch.where(low, middle, symbol), torch.where(low, above, middle)
        codes = model.decode(symbol)
        self._state, self._time = state._replace(last=codes), self._time + 1
        return codes, model.code_log2_prob(params, codes, location)

    @torch.inference_mode()
    def feed(self, pcm: np.ndarray) -> np.ndarray:
        pcm = checked_pcm(pcm, self.streams)
        log2_prob = np.empty(pcm.shape)
        chunk = max(1, _CHUNK // self.streams)
        for start in range(0, pcm.shape[1], chunk):
            piece = torch.from_numpy(pcm[:, start : start + chunk].astype(np.int64))
            values, self._state = self.model.log2_prob(piece, self._state)
            log2_prob[:, start : start + chunk] = _finite(values)
            self._time += piece.shape[1]
        return log2_prob

    def save(self) -> tuple[AudioState, int]:
        return self._state, self._time  # no step changes a state: each makes a new one

    def restore(self, state: tuple[AudioState, int]) -> None:
        self._state, self._time = state


def _finite(values: torch.Tensor) -> torch.Tensor:
    if not torch.isfinite(values).all():
        raise UserError(NOT_FINITE)
    return values

"""The readable twin: any model, in float64, one sample at a time by means of the model's own streaming."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from wavegen.engine.base import (
    NOT_FINITE,
    Decoder,
    Encoder,
    checked_kept,
    checked_pcm,
    checked_seeds,
    checked_temperature,
    checked_top_p,
)
from wavegen.engine.bisection import symbol_at
from wavegen.engine.conditions import Conditions, Queue
from wavegen.engine.joining import joined, stream_axes
from wavegen.engine.random import MODEL_SHARE, TOTAL, uniforms, words
from wavegen.errors import UserError
from wavegen.models.audio import AudioState
from wavegen.models.conditioning import Conditioning, ConditionState
from wavegen.models.given import Given, check_given
from wavegen.models.model import AnyAudio

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wavegen.models.spectral_filters import SpectralFilters

_CHUNK = 16384  # samples of all streams together that are fed at once: it bounds memory
_TOTAL_BITS = 30  # of the counts that are coded


class _Streams(NamedTuple):
    """The saved streams; no step changes a state, each makes a new one."""

    state: AudioState
    time: int
    conditions: tuple[Queue, ...]


class _Next(NamedTuple):
    """The distribution of each stream's next sample, and the model's state after it but for the sample itself."""

    params: Tensor  # (streams, num_params)
    location: Tensor | None  # (streams,)
    state: AudioState


class TorchEngine:
    """See `wavegen.engine.base.Engine`. A random word at u (`uniforms`) draws the k with C(k) ≤ u < C(k + 1).

    It decodes the words of an engine of as many streams on the same machine: other shapes may round differently.
    """

    name = "torch"
    precision = "float64"

    def __init__(self, model: AnyAudio, streams: int):
        self.model = copy.deepcopy(model.module()).cpu().double().eval().requires_grad_(False)
        encoder = self.model.conditioning
        self._conditions = None if encoder is None else _conditions(encoder, self.model.data().spectral_filters)
        self._start(streams)

    def _start(self, streams: int) -> None:
        self.streams = streams
        self._state = self.model.initial_state(streams)._replace(condition=None)
        self._conditions = None if self._conditions is None else self._conditions.of(streams)
        self._time = 0

    @torch.inference_mode()
    def condition(
        self,
        stream: int,
        speaker: str | None = None,
        frames: NDArray[np.floating] | None = None,
        ended: bool = True,
    ) -> None:
        if self._conditions is None:
            check_given(None, Given(speaker, frames))
        else:
            self._conditions.condition(stream, speaker, frames, ended)

    @torch.inference_mode()
    def generate(
        self,
        num_samples: int,
        seeds: Sequence[int],
        temperature: float = 1.0,
        top_p: float = 1.0,
        exact: bool = False,
    ) -> tuple[NDArray[np.int16], NDArray[np.float64]]:
        keys = checked_seeds(seeds, self.streams)
        temperature = checked_temperature(temperature)
        top_p = checked_top_p(top_p, self.model)
        random = np.stack([words(int(key), self._time, num_samples) for key in keys])
        u = torch.from_numpy(uniforms(random, exact))
        self._check(num_samples)
        pcm = np.empty((self.streams, num_samples), dtype=np.int16)
        log2_prob = np.empty((self.streams, num_samples))
        for t in range(num_samples):
            here = self._next()

            def cumulative(k: Tensor, here: _Next = here) -> Tensor:
                return self.model.cumulative(here.params, k, temperature, top_p, here.location, exact)

            codes = self.model.decode(symbol_at(u[:, t], cumulative, self.model.codec.num_symbols))
            pcm[:, t] = codes
            log2_prob[:, t] = self._move_on(here, codes)
        return pcm, log2_prob

    @torch.inference_mode()
    def feed(self, pcm: NDArray[np.int16]) -> NDArray[np.float64]:
        pcm = checked_pcm(pcm, self.streams)
        log2_prob = np.empty(pcm.shape)
        chunk = max(1, _CHUNK // self.streams)
        self._check(pcm.shape[1])
        for start in range(0, pcm.shape[1], chunk):
            piece = torch.from_numpy(pcm[:, start : start + chunk].astype(np.int64))
            values, state = self.model.log2_prob(piece, self._conditioned(piece.shape[1]))
            self._state = state._replace(condition=None)
            log2_prob[:, start : start + chunk] = _finite(values)
            self._time += piece.shape[1]
        return log2_prob

    @torch.inference_mode()
    def encode(self, pcm: NDArray[np.int16], encoders: Sequence[Encoder]) -> NDArray[np.float64]:
        pcm = checked_pcm(pcm, self.streams)
        _check_coders(encoders, self.streams)
        self._check(pcm.shape[1])
        log2_prob = np.empty(pcm.shape)
        for t in range(pcm.shape[1]):
            codes = torch.from_numpy(pcm[:, t].astype(np.int64))
            here = self._next()
            symbols = self.model.encode(codes)
            starts = self._counts(here, symbols)
            ends = self._counts(here, symbols + 1)
            offsets = codes + 32768 - self._codes_below(symbols)
            for stream, encoder in enumerate(encoders):
                encoder.put(int(starts[stream]), int(ends[stream] - starts[stream]))
                cell = int(self.model.codes_per_symbol[symbols[stream]])
                if cell > 1:
                    encoder.put(*_even_interval(int(offsets[stream]), cell))
            log2_prob[:, t] = self._move_on(here, codes)
        return log2_prob

    @torch.inference_mode()
    def decode(self, num_samples: int, decoders: Sequence[Decoder]) -> NDArray[np.int16]:
        _check_coders(decoders, self.streams)
        self._check(num_samples)
        pcm = np.empty((self.streams, num_samples), dtype=np.int16)
        for t in range(num_samples):
            here = self._next()

            def counts(k: Tensor, here: _Next = here) -> Tensor:
                return self._counts(here, k)

            u = torch.tensor([decoder.u() for decoder in decoders])
            symbols = symbol_at(u, counts, self.model.codec.num_symbols)
            starts = counts(symbols)
            ends = counts(symbols + 1)
            codes = self._codes_below(symbols) - 32768
            for stream, decoder in enumerate(decoders):
                decoder.consume(int(starts[stream]), int(ends[stream] - starts[stream]))
                cell = int(self.model.codes_per_symbol[symbols[stream]])
                if cell > 1:
                    offset = decoder.u() * cell >> _TOTAL_BITS
                    decoder.consume(*_even_interval(offset, cell))
                    codes[stream] += offset
            pcm[:, t] = codes
            self._move_on(here, codes)
        return pcm

    def save(self) -> _Streams:
        return _Streams(self._state, self._time, () if self._conditions is None else self._conditions.save())

    def restore(self, state: object) -> None:
        if not isinstance(state, _Streams):
            raise TypeError("not a saved state of engine torch")
        self._state, self._time, queues = state
        if self._conditions is not None:
            self._conditions.restore(queues)

    @torch.inference_mode()
    def resized(self, streams: int, kept: Sequence[int] = ()) -> TorchEngine:
        """As in the protocol. Raises ValueError also if streams would join a network that is within a frame."""
        rows = checked_kept(kept, self.streams, streams)
        other = copy.copy(self)
        other._start(streams)
        if rows:
            one, two = (self.model.initial_state(count)._replace(condition=None) for count in (1, 2))
            axes = stream_axes(one, two)
            other._state = joined(self._state, other._state, torch.tensor(rows), axes)
            other._time = self._time
            if self._conditions is not None:
                other._conditions = self._conditions.of(streams, rows)
        return other

    def _next(self) -> _Next:
        """The distribution of the next sample. Raises UserError if it is not finite."""
        unknown = self._state.last.unsqueeze(1)  # params do not see the sample they are about
        params, location, state = self.model.params(unknown, self._conditioned(1))
        state = state._replace(condition=None)
        return _Next(_finite(params[:, 0]), None if location is None else location[:, 0], state)

    def _check(self, num_samples: int) -> None:
        if self._conditions is not None:
            self._conditions.check(num_samples)

    def _conditioned(self, num_samples: int) -> AudioState:
        """The state with the conditions of the next samples."""
        if self._conditions is None:
            return self._state
        given = self._conditions.take(num_samples)
        position = torch.from_numpy(given.phases.astype(np.int64))
        last = torch.full_like(position, given.rows.shape[1] - 1)
        filters = None if given.filters is None else torch.from_numpy(given.filters[given.rows])
        vectors = torch.from_numpy(given.vectors[given.rows])
        return self._state._replace(condition=ConditionState(vectors, position, last, filters))

    def _move_on(self, here: _Next, codes: Tensor) -> Tensor:
        """Makes `codes`, (streams,) int64, the streams' next samples; log2 p of each, (streams,)."""
        self._state = here.state._replace(last=codes)
        self._time += 1
        return self.model.code_log2_prob(here.params, codes, here.location)

    def _codes_below(self, k: Tensor) -> Tensor:
        """How many PCM codes the symbols below each k have, (streams,) int64."""
        return torch.nn.functional.pad(self.model.codes_per_symbol.cumsum(0), (1, 0))[k]

    def _counts(self, here: _Next, k: Tensor) -> Tensor:
        """C(k), (streams,) int64: of 2³⁰ counts each code has one, the model shares out the others."""
        below = self.model.cumulative(here.params, k, location=here.location, exact=False)
        counts = self._codes_below(k) + (below.clamp(max=1.0) * MODEL_SHARE).long()
        return torch.where(k == self.model.codec.num_symbols, TOTAL, counts)  # the last symbol has what rounding leaves


def _conditions(encoder: Conditioning, filters: SpectralFilters | None) -> Conditions:
    """The streams' conditions, whose vectors are the rows of a model's encoder in float64."""

    def encode(windows: NDArray[np.float32], speakers: NDArray[np.uint32]) -> NDArray[np.float64]:
        rows = encoder.encode(torch.from_numpy(windows).double(), torch.from_numpy(speakers.astype(np.int64)))
        return rows.numpy()

    mean, scale = (
        np.zeros(0, np.float32) if each is None else each.float().numpy() for each in (encoder.mean, encoder.scale)
    )
    return Conditions(encoder.config, mean, scale, encode, filters)


def _even_interval(index: int, number: int) -> tuple[int, int]:
    """Start and count of one of `number` equally probable intervals of 2³⁰, as csrc/distributions/coder.h has them."""
    start, end = (-(-(edge << _TOTAL_BITS) // number) for edge in (index, index + 1))
    return start, end - start


def _check_coders(coders: Sequence[object], streams: int) -> None:
    if len(coders) != streams:
        raise ValueError(f"{len(coders)} coders for {streams} streams")


def _finite(values: Tensor) -> Tensor:
    if not torch.isfinite(values).all():
        raise UserError(NOT_FINITE)
    return values

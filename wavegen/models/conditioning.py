"""The encoder of conditions: speakers and frames to one vector a frame, which the network repeats over its samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn

from wavegen.models.configs.conditioning import ConditioningConfig
from wavegen.models.given import Given, checked_frames, speaker_row

LEAST_DEVIATION = 0.01  # of the largest one, to which a channel that hardly changes is scaled


class Condition(NamedTuple):
    """The condition of a network, encoded: `rows` (batch, frames, channels), and the row of each sample.

    `frame` is (batch, time) int64, ascending, or None where one row is for all samples. `filters` are a predictor's,
    (batch, frames, width) float64, if it has some of each frame.
    """

    rows: Tensor
    frame: Tensor | None = None
    filters: Tensor | None = None

    def through(self, linear: nn.Module) -> Tensor:
        """A linear map's vectors for each sample, computed once a frame: (batch, time, width), or (batch, 1, width)."""
        return self._of_samples(linear(self.rows))

    def repeated(self) -> Tensor:
        """The row of each sample, (batch, time, channels), or (batch, 1, channels)."""
        return self.through(nn.Identity())

    def repeated_filters(self) -> Tensor | None:
        """The filter of each sample, (batch, time, width), or (batch, 1, width)."""
        return None if self.filters is None else self._of_samples(self.filters)

    def _of_samples(self, vectors: Tensor) -> Tensor:
        if self.frame is None:
            return vectors
        return vectors.gather(1, self.frame.unsqueeze(2).expand(-1, -1, vectors.shape[2]))


class ConditionState(NamedTuple):
    """The encoded rows of recordings, (batch, frames, channels).

    `position` is the index of the next sample, counted from the start of the first row, (batch,) int64; `last` is the
    index of a recording's last row, which goes on for ever, (batch,) int64. `filters` are a predictor's, one beside
    each row, (batch, frames, width) float64, if it has some of each frame.
    """

    rows: Tensor
    position: Tensor
    last: Tensor
    filters: Tensor | None = None


class Conditions(NamedTuple):
    """The conditions of the recordings of a batch, as tensors.

    Args:
        speaker: row of the embedding, (batch,) int64.
        frames: (batch, frames + 2 · look_ahead, F) float32, with as many before the first and after the last as the
            encoder sees; zeros where there are none.
        given: whether there are frames, (batch,) bool.
        last: index of a recording's last frame, counted from the first that is encoded, (batch,) int64.
        position: of the first sample, counted from the start of the first frame that is encoded, (batch,) int64.
    """

    speaker: Tensor
    frames: Tensor
    given: Tensor
    last: Tensor
    position: Tensor


class Conditioning(nn.Module):
    """h_k = relu((b + W x_{k−L…k+L}) + S[speaker]); c_k = V h_k + b₂, for each frame k.

    x_k is the frame, normalised by `mean` and `scale`, and 1; or zeros where no frames are given. L is `look_ahead`.
    Frames before the first and after the last repeat it. Sample t is in frame min(⌊t / hop⌋, last). Row 0 of S is of
    unknown speakers. The embedding is the global condition of van den Oord et al. (2016), "WaveNet: a generative model
    for raw audio", section 2.5; the frames are its local condition, repeated and not interpolated.
    """

    name: ClassVar[str] = ConditioningConfig.name
    of: ClassVar[Callable[..., ConditioningConfig]] = ConditioningConfig

    def __init__(self, **settings: object):
        super().__init__()
        self.config = config = self.of(**settings)
        self.speakers = nn.Embedding(len(config.speakers) + 1, config.channels) if config.speakers else None
        self.mean, self.scale, self.frames = None, None, None
        if size := config.frame_channels:
            self.mean = nn.Parameter(torch.zeros(size), requires_grad=False)  # fitted, not trained
            self.scale = nn.Parameter(torch.ones(size), requires_grad=False)
            self.frames = nn.Linear((2 * config.look_ahead + 1) * (size + 1), config.channels, bias=False)
        self.bias = nn.Parameter(torch.zeros(config.channels))
        self.output = nn.Linear(config.channels, config.channels)
        if self.speakers is not None:
            nn.init.normal_(self.speakers.weight, std=0.3)
            nn.init.zeros_(self.speakers.weight[0])

    def forward(self, conditions: Conditions) -> ConditionState:
        """The rows of a batch of conditions, and the position of their first samples."""
        windows = None if self.frames is None else self._seen(conditions)
        rows = self.encode(windows, conditions.speaker.unsqueeze(1))
        return ConditionState(rows.expand(len(conditions.speaker), -1, -1), conditions.position, conditions.last)

    def encode(self, windows: Tensor | None, speaker: Tensor) -> Tensor:
        """The rows of what the encoder sees at once and of speakers, (…, channels).

        Args:
            windows: normalised frames with their flags, oldest first, (…, (2 · look_ahead + 1) · (F + 1)); None for a
                model that takes no frames.
            speaker: row of the embedding, (…) int64.
        """
        hidden = self.bias
        if self.frames is not None and windows is not None:
            hidden = hidden + self.frames(windows)
        if self.speakers is not None:
            hidden = hidden + self.speakers(speaker)
        return self.output(torch.relu(hidden))

    def _seen(self, conditions: Conditions) -> Tensor:
        """The frames that the encoder sees, oldest first: (batch, frames, (2 · look_ahead + 1) · (F + 1))."""
        x = (conditions.frames.to(self.bias) - cast(Tensor, self.mean)) * cast(Tensor, self.scale)
        x = nn.functional.pad(x, (0, 1), value=1.0) * conditions.given[:, None, None]
        return x.unfold(1, 2 * self.config.look_ahead + 1, 1).transpose(2, 3).flatten(2)

    def batch(self, given: Sequence[Given]) -> Conditions:
        """The conditions of recordings from their first samples on.

        Raises UserError for a speaker that the model does not know, and for frames that it does not take.
        """
        config = self.config
        speakers = [speaker_row(config, one.speaker) for one in given]
        found = [None if one.frames is None else checked_frames(config, one.frames) for one in given]
        counts = [1 if frames is None else len(frames) for frames in found]
        index = np.arange(-config.look_ahead, max(counts) + config.look_ahead)
        frames = np.zeros((len(given), len(index), config.frame_channels), np.float32)
        for row, one in zip(frames, found, strict=True):
            if one is not None:
                row[:] = one[index.clip(0, len(one) - 1)]
        there = [one is not None for one in found]
        last = [count - 1 for count in counts]
        others = (torch.tensor(each) for each in (there, last, [0] * len(given)))
        tensors = Conditions(torch.tensor(speakers), torch.from_numpy(frames), *others)
        return Conditions(*(tensor.to(self.bias.device) for tensor in tensors))

    def of_samples(self, state: ConditionState, time: int) -> tuple[Condition, ConditionState]:
        """The condition of the next samples, and the state after them."""
        rows, position, last, filters = state
        after = state._replace(position=position + time)
        if not self.config.frame_channels:
            return Condition(rows), after
        hop = self.config.hop
        count = (time + hop - 2) // hop + 1  # frames that so many samples lie in at most
        index = position[:, None] // hop + torch.arange(count, device=rows.device)
        index = index.minimum(last[:, None]).unsqueeze(2)
        frame = (position[:, None] % hop + torch.arange(time, device=rows.device)) // hop
        if filters is not None:
            filters = filters.gather(1, index.expand(-1, -1, filters.shape[2]))
        return Condition(rows.gather(1, index.expand(-1, -1, rows.shape[2])), frame, filters), after

    def fit(self, recordings: Iterable[np.ndarray]) -> None:
        """Normalises the frames of `recordings`, (frames, F) each: to mean zero and standard deviation one.

        A channel that hardly changes keeps small values: its deviation counts as LEAST_DEVIATION of the largest.
        """
        if self.mean is None or self.scale is None:
            return
        count = 0
        total = np.zeros(len(self.mean))
        square = np.zeros(len(self.mean))
        for frames in recordings:
            exact = np.asarray(frames, np.float64)
            count += len(exact)
            total = total + exact.sum(axis=0)
            square = square + (exact**2).sum(axis=0)
        if count == 0:
            return
        mean = total / count
        deviation = np.sqrt(np.maximum(square / count - mean**2, 0))
        deviation = np.maximum(deviation, LEAST_DEVIATION * deviation.max())
        with torch.no_grad():
            self.mean.copy_(torch.from_numpy(mean))
            self.scale.copy_(torch.from_numpy(1 / np.where(deviation > 0, deviation, 1)))


CONDITIONINGS: dict[str, Callable[..., Conditioning]] = {Conditioning.name: Conditioning}

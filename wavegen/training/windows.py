"""Training windows: stretches of a recording, scored after their whole context or from the recording's start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from wavegen.training.conditions import Known


class Batch(NamedTuple):
    """`pcm` (batch, time) int64, the code `before` each window (batch,) int64, and which samples are `scored`."""

    pcm: Tensor
    before: Tensor
    scored: Tensor


class Window(NamedTuple):
    """A stretch of a recording: the recording's index, the first sample, and how many samples are scored.

    Of a model with conditions: whether its speaker is `unknown`, and its frames `absent`.
    """

    recording: int
    start: int
    scored: int
    unknown: bool = False
    absent: bool = False


class Windows:
    """Draws batches of windows, each within one recording.

    A window has `context` unscored and then `window` scored samples, or starts with a recording and is scored from its
    first sample on, so that the start state is trained too. Its start is a multiple of `alignment`. The batch of a step
    is a function of (seed, step) alone.

    Args:
        recordings: (samples,) int16 each.
        window: scored samples.
        context: unscored samples.
        alignment: of starts.
        batch_size: windows of a step.
        seed: of the draws.
        known: what the recordings are conditioned on, if the model takes conditions.
    """

    def __init__(
        self,
        recordings: Sequence[np.ndarray],
        *,
        window: int,
        context: int,
        alignment: int = 1,
        batch_size: int,
        seed: int,
        known: Known | None = None,
    ):
        self.recordings = recordings
        self.context = -(-context // alignment) * alignment
        self.alignment = alignment
        self.length = self.context + window
        self.batch_size = batch_size
        self.seed = seed
        self.known = known
        self.ends = np.cumsum([len(pcm) for pcm in recordings])

    def of_step(self, step: int) -> list[Window]:
        """The windows of a step. Raises IndexError if there are no samples to draw from."""
        random = np.random.default_rng((self.seed, step))
        # One draw from each of batch_size equal parts of the corpus: less variance than free draws, and as uniform.
        parts = (np.arange(self.batch_size) + random.random(self.batch_size)) / self.batch_size
        offsets = random.integers(self.length, size=self.batch_size)
        samples = (parts * self.ends[-1]).astype(np.int64)
        windows = [self._around(*each) for each in zip(samples.tolist(), offsets.tolist(), strict=True)]
        return windows if self.known is None else self.known.dropped(self.seed, step, windows)

    def batch(self, step: int) -> Batch:
        """The samples of a step's windows. Raises IndexError if there are no samples to draw from."""
        return self.read(self.of_step(step))

    def read(self, windows: Sequence[Window]) -> Batch:
        """The samples of one or more windows."""
        pcm = np.zeros((len(windows), self.length), dtype=np.int64)
        scored = np.zeros((len(windows), self.length), dtype=bool)
        before = np.zeros(len(windows), dtype=np.int64)
        for row, window in enumerate(windows):
            whole = self.recordings[window.recording]
            start = window.start
            taken = whole[start : start + self.length]
            pcm[row, : len(taken)] = taken
            scored[row, len(taken) - window.scored : len(taken)] = True
            before[row] = whole[start - 1] if start else 0
        return Batch(torch.from_numpy(pcm), torch.from_numpy(before), torch.from_numpy(scored))

    def conditions(self, windows: Sequence[Window]) -> tuple[Tensor, ...]:
        """The tensors of `Conditions` of windows; none of a model without conditions."""
        return () if self.known is None else self.known.read(windows, self.length)

    def frames(self) -> list[np.ndarray]:
        """The frames of each recording, (frames, F) float32, views, of a model that is conditioned on some."""
        if self.known is None or not self.known.config.frame_channels:
            return []
        return [self.known.frames(recording) for recording in range(len(self.known))]

    def _around(self, sample: int, offset: int) -> Window:
        """The window with the corpus's sample number `sample` at index `offset`, moved to lie inside the recording."""
        recording = int(np.searchsorted(self.ends, sample, side="right"))
        samples = int(self.ends[recording] - (self.ends[recording - 1] if recording else 0))
        within = sample - int(self.ends[recording] - samples)
        # A window may end after the recording by less than an alignment, so that its last samples are scored too.
        last = samples - self.length + self.alignment - 1
        last = min(last, samples - self.context - 1)  # but one sample at least is
        start = max(0, min(within - offset, last)) // self.alignment * self.alignment
        taken = min(self.length, samples - start)
        return Window(recording, start, taken - (self.context if start else 0))

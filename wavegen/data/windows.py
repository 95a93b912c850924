"""Training windows: stretches of one recording each, scored with their whole context or from the file's start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Batch(NamedTuple):
    """`pcm` (batch, time) int64, the code `before` each window (batch,) int64, and which samples are `scored`."""

    pcm: Tensor
    before: Tensor
    scored: Tensor


class Windows:
    """Draws batches whose every window lies within one recording.

    A window has `context` unscored and then `window` scored samples, or starts where a recording
    does and is scored from its first sample on, so that the start state is trained too. Its start
    is a multiple of `alignment`. The batch of a step is a function of (seed, step) alone.
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
    ):
        self.recordings = recordings
        self.context, self.alignment = -(-context // alignment) * alignment, alignment
        self.length = self.context + window
        self.batch_size, self.seed = batch_size, seed
        self.ends = np.cumsum([len(pcm) for pcm in recordings])

    def batch(self, step: int) -> Batch:
        """The windows of one step; raises IndexError if there are no samples to draw from."""
        random = np.random.default_rng((self.seed, step))
        # One draw from each of batch_size equal parts of the corpus: less variance than free draws, and as uniform.
        places = (np.arange(self.batch_size) + random.random(self.batch_size)) / self.batch_size
        offsets = random.integers(self.length, size=self.batch_size)
        cut = [self._cut(int(p * self.ends[-1]), int(o)) for p, o in zip(places, offsets, strict=True)]
        return Batch(*(torch.stack(column) for column in zip(*cut, strict=True)))

    def _cut(self, place: int, offset: int) -> tuple[Tensor, Tensor, Tensor]:
        """The window that holds the corpus's sample number `place` at its own place `offset`, kept inside the file."""
        recording = int(np.searchsorted(self.ends, place, side="right"))
        pcm = self.recordings[recording]
        within = place - (self.ends[recording] - len(pcm))
        # The last start may lie past the end by less than an alignment, so that the last samples are scored too.
        last = len(pcm) - self.length + self.alignment - 1
        last = min(last, len(pcm) - self.context - 1)  # but one sample at least is
        start = max(0, min(within - offset, last)) // self.alignment * self.alignment
        taken = np.asarray(pcm[start : start + self.length], dtype=np.int64)
        window = np.zeros(self.length, dtype=np.int64)
        window[: len(taken)] = taken
        scored = np.zeros(self.length, dtype=bool)
        scored[0 if start == 0 else self.context : len(taken)] = True
        before = np.int64(pcm[start - 1] if start else 0)
        return torch.from_numpy(window), torch.tensor(before), torch.from_numpy(scored)

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
        parts = (np.arange(self.batch_size) + random.random(self.batch_size)) / self.batch_size
        offsets = random.integers(self.length, size=self.batch_size)
        places = (parts * self.ends[-1]).astype(np.int64)
        chosen = np.searchsorted(self.ends, places, side="right")
        pcm = np.zeros((self.batch_size, self.length), dtype=np.int64)
        scored = np.zeros((self.batch_size, self.length), dtype=bool)
        before = np.zeros(self.batch_size, dtype=np.int64)
        for row, recording in enumerate(chosen.tolist()):
            whole = self.recordings[recording]
            start = self._start(len(whole), int(places[row] - (self.ends[recording] - len(whole)) - offsets[row]))
            taken = whole[start : start + self.length]
            pcm[row, : len(taken)] = taken
            scored[row, self.context if start else 0 : len(taken)] = True
            before[row] = whole[start - 1] if start else 0
        return Batch(torch.from_numpy(pcm), torch.from_numpy(before), torch.from_numpy(scored))

    def _start(self, samples: int, wanted: int) -> int:
        """The start of a window that should start at `wanted` but has to lie within so many samples."""
        # The last start may lie past the end by less than an alignment, so that the last samples are scored too.
        last = samples - self.length + self.alignment - 1
        last = min(last, samples - self.context - 1)  # but one sample at least is
        return max(0, min(wanted, last)) // self.alignment * self.alignment

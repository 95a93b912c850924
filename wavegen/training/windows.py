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


class Place(NamedTuple):
    """Where a window lies: the recording's index, the window's first sample in it, and how many samples it scores."""

    recording: int
    start: int
    scored: int


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

    def places(self, step: int) -> list[Place]:
        """Where the windows of a step lie; raises IndexError if there are no samples to draw from."""
        random = np.random.default_rng((self.seed, step))
        # One draw from each of batch_size equal parts of the corpus: less variance than free draws, and as uniform.
        parts = (np.arange(self.batch_size) + random.random(self.batch_size)) / self.batch_size
        offsets = random.integers(self.length, size=self.batch_size)
        places = (parts * self.ends[-1]).astype(np.int64)
        return [self._place(place, offset) for place, offset in zip(places.tolist(), offsets.tolist(), strict=True)]

    def batch(self, step: int) -> Batch:
        """The windows of one step; raises IndexError if there are no samples to draw from."""
        return self.read(self.places(step))

    def read(self, places: Sequence[Place]) -> Batch:
        """The windows at these places, of which there is one at least."""
        pcm = np.zeros((len(places), self.length), dtype=np.int64)
        scored = np.zeros((len(places), self.length), dtype=bool)
        before = np.zeros(len(places), dtype=np.int64)
        for row, place in enumerate(places):
            whole, start = self.recordings[place.recording], place.start
            taken = whole[start : start + self.length]
            pcm[row, : len(taken)] = taken
            scored[row, len(taken) - place.scored : len(taken)] = True
            before[row] = whole[start - 1] if start else 0
        return Batch(torch.from_numpy(pcm), torch.from_numpy(before), torch.from_numpy(scored))

    def _place(self, place: int, offset: int) -> Place:
        """The window that holds the corpus's sample number `place` at its own place `offset`, kept inside the file."""
        recording = int(np.searchsorted(self.ends, place, side="right"))
        samples = int(self.ends[recording] - (self.ends[recording - 1] if recording else 0))
        within = place - int(self.ends[recording] - samples)
        # The last start may lie past the end by less than an alignment, so that the last samples are scored too.
        last = samples - self.length + self.alignment - 1
        last = min(last, samples - self.context - 1)  # but one sample at least is
        start = max(0, min(within - offset, last)) // self.alignment * self.alignment
        taken = min(self.length, samples - start)
        return Place(recording, start, taken - (self.context if start else 0))

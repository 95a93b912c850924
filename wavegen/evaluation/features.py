"""What a model makes of recordings inside: its last hidden activations, averaged, for probes and clustering."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from wavegen.data.corpus import Corpus
from wavegen.data.splits import SPLITS
from wavegen.data.verification import verify
from wavegen.engine.base import NOT_FINITE
from wavegen.errors import UserError
from wavegen.evaluation.feeding import Take, chunks, most_at_once
from wavegen.evaluation.teacher_forcing import fed
from wavegen.models.density import Density
from wavegen.system.atomic import Target, replacing

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Source(NamedTuple):
    """A recording, and what a corpus knows of it: its split, who speaks and what is said, or a picture's label."""

    take: Take
    split: str = ""
    speaker: str = ""
    transcript: str = ""


class Sources(NamedTuple):
    """Recordings, what a user should know of them, and files of folders that were refused, with reasons."""

    found: list[Source]
    warnings: list[str]
    refused: list[dict[str, str]]


def of_corpus(corpus: Corpus, progress: bool = False) -> list[Source]:
    """All recordings of all splits. Raises UserError if one is not what was prepared."""
    verify(corpus, SPLITS, progress)
    return [
        Source(
            Take(entry.id, entry.samples, functools.partial(corpus.pcm, entry)),
            entry.split,
            entry.speaker or "",
            entry.transcript or "",
        )
        for entry in corpus.recordings
    ]


def features(
    model: Density, sources: Sequence[Source], window: int | None = None, progress: str | None = None
) -> dict[str, NDArray[Any]]:
    """The mean of the hidden activations over each `window` samples of each recording, or over all of it.

    Arrays with a row a window: `features` (rows, channels) float32, `name`, `split`, `speaker` and `transcript`
    (rows,) strings, `start` (rows,) int64 in samples. What the activations are is the network's `features` to say. A
    recording's last window, which may be shorter, counts if at least half of it is there, or if it is the only one.
    Raises UserError if they are not finite.
    """
    takes = [source.take for source in sources]
    means = [_Means(take.samples, window or take.samples) for take in takes]
    open_feed = functools.partial(fed, model, model.features)
    for index, values in chunks(open_feed, takes, most_at_once(model), progress, model.whole):
        means[index].add(values)
    rows = [one.rows() for one in means]
    if not all(np.isfinite(values).all() for values in rows):
        raise UserError(NOT_FINITE)
    counts = [len(values) for values in rows]
    return {
        "features": np.concatenate(rows).astype(np.float32),
        "start": np.concatenate([np.arange(count) * (window or 0) for count in counts]),
        "name": np.repeat([take.name for take in takes], counts),
        **{
            key: np.repeat([getattr(source, key) for source in sources], counts)
            for key in ("split", "speaker", "transcript")
        },
    }


class _Means:
    """Means of a recording's values over windows of `length` samples, however they come in."""

    def __init__(self, samples: int, length: int):
        self.length, self.position = length, 0
        self.sums: dict[int, NDArray[np.float64]] = {}
        self.counts: dict[int, int] = {}
        self.windows = max(1, samples // length + (2 * (samples % length) >= length))

    def add(self, values: NDArray[np.floating]) -> None:
        """The next values, (n, channels): one a sample, or a single one for a whole."""
        while len(values):
            window = self.position // self.length
            here = values[: self.length - self.position % self.length]
            self.sums[window] = self.sums.get(window, 0) + here.sum(axis=0, dtype=np.float64)
            self.counts[window] = self.counts.get(window, 0) + len(here)
            self.position += len(here)
            values = values[len(here) :]

    def rows(self) -> NDArray[np.float64]:
        return np.stack([self.sums[window] / self.counts[window] for window in range(self.windows)])


def write_features(out: Target, arrays: dict[str, NDArray[Any]]) -> None:
    """Writes the arrays of `features` as NumPy's .npz, compressed, whole or not at all. Raises UserError."""
    with replacing(out) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)

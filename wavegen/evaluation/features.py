"""The last hidden activations of a model, averaged over windows of recordings, for probes and clustering."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypedDict

import numpy as np

from wavegen.data.corpus import Corpus
from wavegen.data.splits import SPLITS
from wavegen.data.verification import verify
from wavegen.engine.base import NOT_FINITE
from wavegen.errors import UserError
from wavegen.evaluation.feeding import Take, chunks, max_samples_at_once
from wavegen.evaluation.results import Refused
from wavegen.evaluation.teacher_forcing import fed
from wavegen.models.density import Density
from wavegen.models.familiarity import Familiarity
from wavegen.models.given import Given
from wavegen.system.atomic import Target, replacing

if TYPE_CHECKING:
    from numpy.typing import NDArray


class LabelledTake(NamedTuple):
    """A recording with its entry in a corpus: split, speaker and transcript, or the label of a picture."""

    take: Take
    split: str = ""
    speaker: str = ""
    transcript: str = ""

    def given(self, condition: Callable[[], Given]) -> LabelledTake:
        """The recording with a condition."""
        return self._replace(take=self.take._replace(given=condition))


class LabelledTakes(NamedTuple):
    """Recordings, warnings about them, files of folders that were refused, and what reports call their condition."""

    found: list[LabelledTake]
    warnings: list[str]
    refused: list[Refused]
    condition: str | None = None


class Features(TypedDict):
    """Arrays with a row for each window."""

    features: NDArray[np.float32]  # (rows, channels)
    start: NDArray[np.int64]  # (rows,), in samples
    name: NDArray[np.str_]  # (rows,), as are the following
    split: NDArray[np.str_]
    speaker: NDArray[np.str_]
    transcript: NDArray[np.str_]


def of_corpus(corpus: Corpus, model: Density, familiarity: Familiarity, progress: bool = False) -> list[LabelledTake]:
    """All recordings of all splits, which are added to `familiarity`, the model's own corpus without its splits.

    Raises UserError if one is not the one that was prepared.
    """
    verify(corpus, SPLITS, progress)
    own = model.metadata.get("corpus_fingerprint") == corpus.fingerprint
    for entry in corpus.recordings:
        familiarity.add(entry.id, entry.content_hash, corpus.pcm(entry), own)
    return [
        LabelledTake(
            Take(entry.id, entry.samples, functools.partial(corpus.pcm, entry)),
            entry.split,
            entry.speaker or "",
            entry.transcript or "",
        )
        for entry in corpus.recordings
    ]


def features(
    model: Density, recordings: Sequence[LabelledTake], *, window_samples: int | None = None, progress: bool = False
) -> Features:
    """The mean of the network's `features` over each window of each recording.

    Args:
        model: the torch module.
        recordings: with their labels.
        window_samples: of a window; all of a recording unless given. A recording's last window, which may be shorter,
            counts if at least half of it is there, or if it is the only one.
        progress: shows a bar on stderr.

    Raises:
        UserError: a mean is not finite.
    """
    takes = [one.take for one in recordings]
    means = [_Means(take.samples, window_samples or take.samples) for take in takes]
    open_feed = functools.partial(fed, model, model.features)
    label = "features" if progress else None
    for index, values in chunks(open_feed, takes, max_samples_at_once(model), label, model.whole):
        means[index].add(values)
    rows = [one.rows() for one in means]
    if not all(np.isfinite(values).all() for values in rows):
        raise UserError(NOT_FINITE)
    counts = [len(values) for values in rows]
    return {
        "features": np.concatenate(rows).astype(np.float32),
        "start": np.concatenate([np.arange(count) * (window_samples or 0) for count in counts]),
        "name": np.repeat([take.name for take in takes], counts),
        "split": np.repeat([one.split for one in recordings], counts),
        "speaker": np.repeat([one.speaker for one in recordings], counts),
        "transcript": np.repeat([one.transcript for one in recordings], counts),
    }


class _Means:
    """Means of a recording's values over windows of `length` samples, in whatever chunks they come."""

    def __init__(self, samples: int, length: int):
        self.length = length
        self.position = 0
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


def write_features(out: Target, arrays: Features) -> None:
    """Writes the arrays of `features` as NumPy's .npz, compressed, whole or not at all. Raises UserError."""
    with replacing(out) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(
            file,
            allow_pickle=False,
            features=arrays["features"],
            start=arrays["start"],
            name=arrays["name"],
            split=arrays["split"],
            speaker=arrays["speaker"],
            transcript=arrays["transcript"],
        )

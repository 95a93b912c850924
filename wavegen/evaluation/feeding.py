"""Feeds recordings, side by side and in chunks, to a function that gives log-probabilities."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from wavegen.errors import UserError
from wavegen.models.forms import Form
from wavegen.models.given import Given
from wavegen.system.progress import progress_bar

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNIT = "bits/sample"
PREPARE_AGAIN = "prepare it again with `sample_rate`"  # of `prepare`
RESAMPLE = "give `resample=True` to convert it"
STREAMS = 16  # files side by side
SAMPLES_AT_ONCE = 2**15  # of all files side by side: bounds the memory of a forward pass
PARAMS_AT_ONCE = 2**24  # of the distributions of all those samples

Feed = Callable[["NDArray[np.int16]"], "NDArray[np.floating]"]  # the next PCM, (streams, n), to log2 p of each
OpenFeed = Callable[[Sequence[Given]], Feed]  # the condition of each stream to a feed that starts a file in each


class Parametric(Protocol):
    """A model of any kind, as data or as a torch module."""

    @property
    def num_params(self) -> int: ...


class Take(NamedTuple):
    """A recording to score: its name, its length, and functions that read its int16 PCM and its condition."""

    name: str
    samples: int
    pcm: Callable[[], NDArray[np.int16]]
    given: Callable[[], Given] = Given


def max_samples_at_once(model: Parametric) -> int:
    """How many samples to score at once: fewer where each has the parameters of thousands of symbols."""
    return max(STREAMS, min(SAMPLES_AT_ONCE, PARAMS_AT_ONCE // model.num_params))


def chunks(
    open_feed: OpenFeed,
    takes: Sequence[Take],
    samples_at_once: int,
    label: str | None,
    whole: int | None = None,
) -> Iterator[tuple[int, NDArray[np.floating]]]:
    """Feeds takes of like length side by side, in chunks, until all have ended.

    Args:
        open_feed: the condition of each stream to a feed that starts a file in each.
        takes: the recordings.
        samples_at_once: of all streams together.
        label: of a bar on stderr; None shows none.
        whole: no chunk is cut within so many samples.

    Yields:
        The index of a take, and log2 p of its next samples (or whatever else the feed gives), (n, …).
    """
    streams = STREAMS if whole is None else max(1, samples_at_once // whole)
    total = sum(take.samples for take in takes)
    with progress_bar(total, label) as bar:
        for group in side_by_side([take.samples for take in takes], streams):
            feed = open_feed([takes[index].given() for index in group])
            pcms = [takes[index].pcm() for index in group]
            chunk = whole or max(1, samples_at_once // len(group))
            for start in range(0, takes[group[0]].samples, chunk):
                parts = [pcm[start : start + chunk] for pcm in pcms]
                padded = np.zeros((len(parts), len(parts[0])), np.int16)  # the first is the longest
                for row, part in zip(padded, parts, strict=True):
                    row[: len(part)] = part
                for index, part, log2_prob in zip(group, parts, feed(padded), strict=True):
                    yield index, log2_prob[: len(part)]
                bar.update(sum(len(part) for part in parts))


def sum_bits(
    open_feed: OpenFeed,
    takes: Sequence[Take],
    samples_at_once: int,
    label: str | None = None,
    whole: int | None = None,
) -> NDArray[np.float64]:
    """−Σ_t log2 p(pcm_t | pcm_<t) of every file from its first sample on, (files,) float64.

    Args:
        open_feed: the condition of each stream to a feed of the model.
        takes: the files. Files of like length go side by side, in chunks with carried state.
        samples_at_once: of all files side by side.
        label: of a bar on stderr; None shows none.
        whole: no chunk is cut within so many samples.
    """
    bits = np.zeros(len(takes))
    for index, log2_prob in chunks(open_feed, takes, samples_at_once, label, whole):
        bits[index] -= log2_prob.sum(dtype=np.float64)
    return bits


def takes_of(pcms: Iterable[NDArray[np.int16]]) -> list[Take]:
    """Nameless takes of PCM, (samples,) int16 each, without conditions."""
    return [Take("", len(pcm), functools.partial(np.asarray, pcm)) for pcm in pcms]


def side_by_side(samples: Sequence[int], streams: int) -> Iterator[list[int]]:
    """Groups of at most `streams` indices of recordings that have so many samples each.

    The longest come first; none is shorter than half the longest of its group.
    """
    order = sorted(range(len(samples)), key=lambda index: -samples[index])
    while order:
        group = [index for index in order[:streams] if 2 * samples[index] >= samples[order[0]]]
        yield group
        order = order[len(group) :]


def windowed(values: NDArray[np.floating], length: int) -> NDArray[np.float64]:
    """Means of stretches of `length` values, the last one perhaps shorter, (⌈len / length⌉,) float64."""
    starts = np.arange(0, len(values), length)
    return np.add.reduceat(np.asarray(values, np.float64), starts) / np.diff(np.append(starts, len(values)))


def check_form(name: str, form: Form, expected: Form, cure: str, parameter: str | Sequence[str] = ()) -> None:
    """Raises UserError, naming both forms and the `cure`, unless recording `name` has the model's rate or size.

    `parameter` is the one that the cure names.
    """
    if form != expected:
        raise UserError(f"{name}: {form.name}, the model was trained at {expected.name}; {cure}", parameter=parameter)

"""Bits per sample of whole files from their first sample on, with intervals."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from wavegen.constants import DIGITS
from wavegen.engine import open_engine, precision_of
from wavegen.engine.base import PRECISIONS
from wavegen.errors import UserError
from wavegen.models.density import AudioModel, Density
from wavegen.models.forms import Form, named

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNIT = "bits/sample"
STREAMS = 16  # files side by side
SAMPLES_AT_ONCE = 2**15  # of all files side by side: bounds what a forward pass holds
PARAMS_AT_ONCE = 2**24  # of the distributions of all those samples
RESAMPLES = 2000  # of the bootstrap
SEED = 0  # of the bootstrap, so that a report can be made again
PROVENANCE = (
    "parameters",
    "macs_per_sample",
    "model_bytes",
    "precision",
    "training_seconds",
    "samples_seen",
    "steps",
    "seed",
    "weights_hash",
    "corpus_fingerprint",
)

Feed = Callable[["NDArray[np.int16]"], "NDArray[np.floating]"]  # the next (streams, n) PCM to log2 p of each


class Take(NamedTuple):
    """A recording to score: what to call it, how long it is, and how to get its int16 PCM."""

    name: str
    samples: int
    pcm: Callable[[], NDArray[np.int16]]


def teacher_forcing(model: Density, streams: int) -> Feed:
    """Feeds samples, (streams, n) int16 chunk after chunk, to `model`; gives log2 p of each, (streams, n)."""
    return fed(model, model.log2_prob, streams)


def fed(model: Density, method: Callable[[Tensor, Any], tuple[Tensor, Any]], streams: int) -> Feed:
    """Feeds (streams, n) int16 chunk after chunk to a method of `model` that takes a state and gives the next one."""
    state = model.initial_state(streams)

    def feed(pcm: NDArray[np.int16]) -> NDArray[np.floating]:
        nonlocal state
        with torch.inference_mode():
            values, state = method(torch.from_numpy(pcm).to(model.device), state)
        return values.cpu().numpy()

    return feed


def feed_of(model: AudioModel) -> Callable[[int], Feed]:
    """How so many streams of a model are fed where no engine is asked for: by its own forward pass.

    Only an engine rounds weights, and what that costs belongs into the number: a rounded model is fed to one.
    """
    if precision_of(model) == PRECISIONS[0]:
        return functools.partial(teacher_forcing, model)
    return lambda streams: open_engine(model, streams).feed


def bits_per_file(
    model: Density,
    pcms: Sequence[NDArray[np.int16]],
    samples_at_once: int | None = None,
    progress: str | None = None,
    open_feed: Callable[[int], Feed] | None = None,
) -> NDArray[np.float64]:
    """−Σ_t log2 p(pcm_t | pcm_<t) of every file from its first sample on, (files,) float64.

    Files of like length go side by side, in chunks with carried state, `samples_at_once` samples of
    all of them together, as many as memory should hold unless given. `progress` is the label of a bar on stderr.
    `open_feed` says how so many streams of the model are fed, which is by its own forward pass unless given.
    """
    samples_at_once = samples_at_once or most_at_once(model)
    takes = [Take("", len(pcm), functools.partial(np.asarray, pcm)) for pcm in pcms]
    bits = np.zeros(len(takes))
    open_feed = open_feed or functools.partial(teacher_forcing, model)
    for index, log2_prob in chunks(open_feed, takes, samples_at_once, progress, model.whole):
        bits[index] -= log2_prob.sum(dtype=np.float64)
    return bits


def most_at_once(model: Density) -> int:
    """How many samples to score at once: fewer where each has the parameters of thousands of symbols."""
    return max(STREAMS, min(SAMPLES_AT_ONCE, PARAMS_AT_ONCE // model.num_params))


def chunks(
    open_feed: Callable[[int], Feed],
    takes: Sequence[Take],
    samples_at_once: int,
    progress: str | None,
    whole: int | None = None,
) -> Iterator[tuple[int, NDArray[np.floating]]]:
    """The index of a take and log2 p of its next samples, until all takes have ended; none is cut within a `whole`."""
    streams = STREAMS if whole is None else max(1, samples_at_once // whole)
    total = sum(take.samples for take in takes)
    with tqdm(
        total=total, desc=progress, unit=" samples", unit_scale=True, leave=False, disable=None if progress else True
    ) as bar:
        for group in _side_by_side(takes, streams):
            feed, pcms = open_feed(len(group)), [takes[index].pcm() for index in group]
            chunk = whole or max(1, samples_at_once // len(group))
            for start in range(0, takes[group[0]].samples, chunk):
                parts = [pcm[start : start + chunk] for pcm in pcms]
                padded = np.zeros((len(parts), len(parts[0])), np.int16)  # the first is the longest
                for row, part in zip(padded, parts, strict=True):
                    row[: len(part)] = part
                for index, part, log2_prob in zip(group, parts, feed(padded), strict=True):
                    yield index, log2_prob[: len(part)]
                bar.update(sum(len(part) for part in parts))


def _side_by_side(takes: Sequence[Take], streams: int) -> Iterator[list[int]]:
    """Groups of at most `streams` indices, longest first, none shorter than half the longest of its group."""
    order = sorted(range(len(takes)), key=lambda index: -takes[index].samples)
    while order:
        longest = takes[order[0]].samples
        group = [index for index in order[:streams] if 2 * takes[index].samples >= longest]
        yield group
        order = order[len(group) :]


def bootstrap_interval(bits: NDArray[np.float64], samples: NDArray[np.integer]) -> tuple[float | None, float | None]:
    """The 95 % bootstrap interval of Σ bits / Σ samples over files drawn with replacement; None for one file.

    Both arguments are (files,). Given the difference of two models' bits, file by file, it is the paired interval of
    their difference.
    """
    if len(bits) < 2:
        return None, None
    random, rates = np.random.default_rng(SEED), []
    at_once = max(1, 2**22 // len(bits))
    for start in range(0, RESAMPLES, at_once):
        drawn = random.integers(len(bits), size=(min(at_once, RESAMPLES - start), len(bits)))
        rates.append(bits[drawn].sum(axis=1) / samples[drawn].sum(axis=1))
    low, high = np.percentile(np.concatenate(rates), [2.5, 97.5])
    return float(low), float(high)


def estimate(bits: NDArray[np.float64], samples: NDArray[np.integer]) -> dict[str, float | None]:
    """Σ bits / Σ samples of (files,) each, and its interval, as reports give them."""
    low, high = bootstrap_interval(bits, samples)
    estimate = {"bits_per_sample": float(bits.sum() / samples.sum()), "low": low, "high": high}
    return {key: None if value is None else round(value, DIGITS) for key, value in estimate.items()}


def provenance(model: Density) -> dict[str, Any]:
    """What a report names of a model: size, cost, training, hashes; None where the model does not know."""
    known = {
        **model.metadata,
        "parameters": model.num_parameters,
        "macs_per_sample": model.macs_per_sample,
        "model_bytes": sum(weight.nbytes for weight in model.parameters()),
        "precision": precision_of(model),
    }
    return {key: known.get(key) for key in PROVENANCE}


def windowed(values: NDArray[np.floating], length: int) -> NDArray[np.float64]:
    """Means of stretches of `length` values, the last one perhaps shorter, (⌈len / length⌉,) float64."""
    starts = np.arange(0, len(values), length)
    return np.add.reduceat(np.asarray(values, np.float64), starts) / np.diff(np.append(starts, len(values)))


def check_form(name: str, form: Form, expected: Form, cure: str) -> None:
    """Raises UserError, naming both forms and the `cure`, unless what is called `name` has the model's rate or grid."""
    if form != expected:
        raise UserError(f"{name}: {named(form)}, the model was trained at {named(expected)}; {cure}")

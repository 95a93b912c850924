"""Bits of whole files by a torch model's own forward pass, which is fed what it is to predict."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from wavegen.engine import open_engine, precision_of
from wavegen.engine.base import PRECISIONS
from wavegen.evaluation.feeding import Feed, Take, chunks, most_at_once
from wavegen.models.audio import AudioModel
from wavegen.models.density import Density

if TYPE_CHECKING:
    from numpy.typing import NDArray


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

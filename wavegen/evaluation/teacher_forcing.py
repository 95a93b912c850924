"""Bits of whole files by a torch model's own forward pass: teacher forcing."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor

from wavegen.evaluation import feeding
from wavegen.evaluation.feeding import Feed, OpenFeed, Take, max_samples_at_once, takes_of
from wavegen.models.density import Density
from wavegen.models.given import Given

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


State = TypeVar("State")


def teacher_forcing(model: Density, given: Sequence[Given]) -> Feed:
    """A feed of `model` by its forward pass: samples, (streams, n) int16, to log2 p of each, (streams, n).

    `given` is the condition of each stream.
    """
    return fed(model, model.log2_prob, given)


def fed(model: Density, method: Callable[[Tensor, State], tuple[Tensor, State]], given: Sequence[Given]) -> Feed:
    """A feed of a method of `model`, which takes samples, (streams, n) int16, and a state, and gives the next one."""
    with torch.inference_mode():
        state = model.initial_state(len(given), conditions=given)

    def feed(pcm: NDArray[np.int16]) -> NDArray[np.floating]:
        nonlocal state
        with torch.inference_mode():
            values, state = method(torch.from_numpy(pcm).to(model.device), state)
        return values.cpu().numpy()

    return feed


def bits_per_file(
    model: Density,
    pcms: Sequence[NDArray[np.int16]],
    samples_at_once: int | None = None,
    label: str | None = None,
    open_feed: OpenFeed | None = None,
) -> NDArray[np.float64]:
    """`bits_of_takes` of PCM, (samples,) int16 each, without conditions."""
    return bits_of_takes(model, takes_of(pcms), samples_at_once, label, open_feed)


def bits_of_takes(
    model: Density,
    takes: Sequence[Take],
    samples_at_once: int | None = None,
    label: str | None = None,
    open_feed: OpenFeed | None = None,
) -> NDArray[np.float64]:
    """−Σ_t log2 p(pcm_t | pcm_<t, condition) of every file from its first sample on.

    Args:
        model: the density.
        takes: the files. Files of like length go side by side, in chunks with carried state.
        samples_at_once: of all files side by side; as many as memory should hold unless given.
        label: of a bar on stderr; None shows none.
        open_feed: the condition of each stream to a feed of the model; by its own forward pass unless given.

    Returns:
        Bits, (files,) float64.
    """
    open_feed = open_feed or functools.partial(teacher_forcing, model)
    return feeding.sum_bits(open_feed, takes, samples_at_once or max_samples_at_once(model), label, model.whole)

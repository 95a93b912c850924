"""Bits per sample of the averaged weights on whole validation files, which processes share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from wavegen.evaluation.feeding import Feed
from wavegen.evaluation.teacher_forcing import bits_per_file, teacher_forcing
from wavegen.models.density import Density
from wavegen.training.distributed import Processes
from wavegen.training.learner import AbandonedError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def validate(
    model: Density, files: Sequence[NDArray[np.int16]], processes: Processes, give_up: Callable[[], bool]
) -> float | None:
    """Σ bits / Σ samples of `files`, the same in every process; None without files.

    Raises AbandonedError in all processes soon after `give_up` says so in one of them.
    """
    if not files:
        return None
    share = sorted(files, key=len)[processes.rank :: processes.world]  # of like lengths in every process
    given_up, bits = False, 0.0
    try:
        bits = float(bits_per_file(model, share, open_feed=lambda streams: _watched(model, streams, give_up)).sum())
    except AbandonedError:
        given_up = True
    found = processes.gathered((bits, given_up))
    if any(given_up for _, given_up in found):
        raise AbandonedError
    return sum(bits for bits, _ in found) / sum(map(len, files))


def _watched(model: Density, streams: int, give_up: Callable[[], bool]) -> Feed:
    feed = teacher_forcing(model, streams)

    def feed_or_give_up(pcm: NDArray[np.int16]) -> NDArray[np.floating]:
        if give_up():
            raise AbandonedError
        return feed(pcm)

    return feed_or_give_up

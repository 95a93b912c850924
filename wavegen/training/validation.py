"""Bits per sample of the averaged weights on whole validation files."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from wavegen.evaluation.feeding import Feed, Take
from wavegen.evaluation.teacher_forcing import bits_of_takes, teacher_forcing
from wavegen.models.density import Density
from wavegen.models.given import Given
from wavegen.training.distributed import Processes
from wavegen.training.learner import AbandonedError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def validate(model: Density, files: Sequence[Take], processes: Processes, give_up: Callable[[], bool]) -> float | None:
    """The bits per sample of a model on whole files, the same in every process.

    Args:
        model: in evaluation mode.
        files: with their conditions.
        processes: that share the files.
        give_up: asked now and then; once it says so in any process, all raise AbandonedError.

    Returns Σ bits / Σ samples, None without files.
    """
    if not files:
        return None
    share = processes.dealt(sorted(files, key=lambda take: take.samples))  # of like lengths in every process
    bits = None
    with contextlib.suppress(AbandonedError):
        bits = float(bits_of_takes(model, share, open_feed=lambda given: _watched(model, given, give_up)).sum())
    everyone = processes.gathered(bits)
    found = [bits for bits in everyone if bits is not None]
    if len(found) < len(everyone):
        raise AbandonedError
    return sum(found) / sum(take.samples for take in files)


def _watched(model: Density, given: Sequence[Given], give_up: Callable[[], bool]) -> Feed:
    feed = teacher_forcing(model, given)

    def feed_or_give_up(pcm: NDArray[np.int16]) -> NDArray[np.floating]:
        if give_up():
            raise AbandonedError
        return feed(pcm)

    return feed_or_give_up

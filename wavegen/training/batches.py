"""The data of a training: windows of the training split and whole validation files."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from wavegen.data.corpus import Corpus
from wavegen.errors import UserError
from wavegen.evaluation.feeding import Take
from wavegen.models.density import Density
from wavegen.models.given import Given
from wavegen.training.conditions import Known
from wavegen.training.recipe import TrainingSettings
from wavegen.training.windows import Windows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VALIDATION_SECONDS, VALIDATION_PICTURES = 40, 2000  # at most: validating stays cheap beside training
MAX_SAMPLES_AT_ONCE = 2**26  # with context: 64 channels of so many take 16 GiB a layer


def training_windows(
    recordings: Sequence[NDArray[np.int16]],
    model: Density,
    settings: TrainingSettings,
    processes: int = 1,
    known: Known | None = None,
) -> Windows:
    """The windows of a training.

    Args:
        recordings: (samples,) int16 each.
        model: to train.
        settings: of the training.
        processes: that share a step.
        known: what the recordings are conditioned on.

    Raises UserError if a process would compute more samples at once than memory can hold.
    """
    windows = Windows(
        recordings,
        window=model.whole or settings.window,
        context=model.context(settings.warm_up),
        alignment=model.alignment,
        batch_size=settings.batch_size,
        seed=settings.seed,
        known=known,
    )
    at_once = -(-windows.batch_size // (processes * settings.accumulate)) * windows.length
    if at_once > MAX_SAMPLES_AT_ONCE:
        raise UserError(
            f"a step would take {at_once} samples at once, {windows.context} of context for each window; at most "
            f"{MAX_SAMPLES_AT_ONCE}: lower {'' if model.whole else 'network.dilations, training.window or '}"
            "training.batch_size, or raise training.accumulate"
        )
    return windows


def validation_takes(corpus: Corpus, known: Known | None = None) -> Iterator[Take]:
    """Whole validation recordings of VALIDATION_SECONDS in all, or as many pictures, in the order of their hashes.

    `known` is what the recordings of the validation split are conditioned on.
    """
    samples = corpus.form.num_samples(VALIDATION_SECONDS, VALIDATION_PICTURES)
    recordings = sorted(enumerate(corpus.split("validation")), key=lambda pair: pair[1].content_hash)
    for index, recording in recordings:
        if samples <= 0:
            return
        samples -= recording.samples
        given = Given if known is None else functools.partial(known.given, index)
        yield Take(recording.id, recording.samples, functools.partial(corpus.pcm, recording), given)

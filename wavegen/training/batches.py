"""The data of a training: windows of the training split and whole validation files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from wavegen.data.corpus import Corpus
from wavegen.errors import UserError
from wavegen.models.density import Density
from wavegen.training.recipe import TrainingSettings
from wavegen.training.windows import Windows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VALIDATION_SECONDS, VALIDATION_PICTURES = 40, 2000  # at most: validating stays cheap beside training
MAX_SAMPLES_AT_ONCE = 2**26  # with context: 64 channels of so many take 16 GiB a layer


def training_windows(
    recordings: Sequence[NDArray[np.int16]], model: Density, settings: TrainingSettings, processes: int = 1
) -> Windows:
    """The windows of a training.

    Args:
        recordings: (samples,) int16 each.
        model: to train.
        settings: of the training.
        processes: that share a step.

    Raises UserError if a process would compute more samples at once than memory can hold.
    """
    windows = Windows(
        recordings,
        window=model.whole or settings.window,
        context=model.context(settings.warm_up),
        alignment=model.alignment,
        batch_size=settings.batch_size,
        seed=settings.seed,
    )
    at_once = -(-windows.batch_size // (processes * settings.accumulate)) * windows.length
    if at_once > MAX_SAMPLES_AT_ONCE:
        raise UserError(
            f"a step would take {at_once} samples at once, {windows.context} of context for each window; at most "
            f"{MAX_SAMPLES_AT_ONCE}: lower {'' if model.whole else 'network.dilations, training.window or '}"
            "training.batch_size, or raise training.accumulate"
        )
    return windows


def validation_files(corpus: Corpus) -> Iterator[NDArray[np.int16]]:
    """Whole validation recordings of VALIDATION_SECONDS in all, or as many pictures, in the order of their hashes."""
    samples = corpus.form.num_samples(VALIDATION_SECONDS, VALIDATION_PICTURES)
    for recording in sorted(corpus.split("validation"), key=lambda recording: recording.content_hash):
        if samples <= 0:
            return
        samples -= recording.samples
        yield corpus.pcm(recording)

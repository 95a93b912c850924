"""What a training reads: windows of the training split and whole validation files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from wavegen.data.corpus import Corpus
from wavegen.data.windows import Windows
from wavegen.density import AudioModel
from wavegen.errors import UserError
from wavegen.recipe import TrainingSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VALIDATION_SECONDS = 40  # of audio at most, so that validating stays cheap beside training
MOST_SAMPLES_AT_ONCE = 2**26  # context included: 64 channels of so many take 16 GiB a layer


def training_windows(
    recordings: Sequence[NDArray[np.int16]], model: AudioModel, settings: TrainingSettings, processes: int = 1
) -> Windows:
    """What batches are cut from. Raises UserError if a process would take more samples at once than memory can hold."""
    windows = Windows(
        recordings,
        window=settings.window,
        context=context_of(model, settings.warm_up),
        alignment=model.network.alignment,
        batch_size=settings.batch_size,
        seed=settings.seed,
    )
    at_once = -(-windows.batch_size // (processes * settings.accumulate)) * windows.length
    if at_once > MOST_SAMPLES_AT_ONCE:
        raise UserError(
            f"a step would take {at_once} samples at once, {windows.context} of context for each window; at most "
            f"{MOST_SAMPLES_AT_ONCE}: lower network.dilations, training.window or training.batch_size, "
            "or raise training.accumulate"
        )
    return windows


def context_of(model: AudioModel, warm_up: int) -> int:
    """How many unscored samples come before a window's: all that is heard, or the warm-up where that is without end.

    A warm-up fills the predictor's taps at least: with zeros in them it would expect what it never does in a file.
    """
    if model.receptive_field is not None:
        return model.receptive_field - 1
    return warm_up if model.predictor is None else max(warm_up, model.predictor.receptive_field)


def validation_files(corpus: Corpus) -> Iterator[NDArray[np.int16]]:
    """Whole validation recordings of VALIDATION_SECONDS in all, in the order of their content hashes."""
    samples = VALIDATION_SECONDS * corpus.sample_rate
    for recording in sorted(corpus.split("validation"), key=lambda recording: recording.content_hash):
        if samples <= 0:
            return
        samples -= recording.samples
        yield corpus.pcm(recording)

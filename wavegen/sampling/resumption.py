"""Finds the recordings that an interrupted `vocode` has finished, which a repeated call leaves as they are."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wavegen.audio import files as audio_files
from wavegen.errors import UserError
from wavegen.sampling.speaking import Clock, Manner, OpenStreams, draws
from wavegen.sampling.vocoder_inputs import Input
from wavegen.system.progress import progress_bar

if TYPE_CHECKING:
    from numpy.typing import NDArray

COMPARED = 0.5  # seconds of each recording


def spoken_already(
    inputs: Sequence[Input],
    paths: Sequence[Path],
    sample_rate: int,
    manner: Manner,
    open_streams: OpenStreams,
    label: str | None = None,
) -> list[bool]:
    """Whether each path is a whole WAV file of what would be drawn of its input.

    Of recordings that are as long as they would be, and not older than what they are spoken from, the start is drawn
    again, which differs from the first samples on for another model, seed, temperature or speaker, and for frames that
    differ there. The rest is taken on trust.

    Args:
        inputs: what is to be spoken.
        paths: a file for each, that exists.
        sample_rate: of the model.
        manner: how it is to be drawn.
        open_streams: a number of streams to an engine of the model.
        label: of a bar on stderr; None shows none.
    """
    compared = max(1, round(COMPARED * sample_rate))
    current = [index for index, path in enumerate(paths) if not _older(path, inputs[index].name)]
    found = {index: _start(paths[index], inputs[index].samples, sample_rate, compared) for index in current}
    starts = {index: pcm for index, pcm in found.items() if pcm is not None}
    again = [inputs[index]._replace(samples=len(pcm)) for index, pcm in starts.items()]
    same = [False] * len(inputs)
    indices = list(starts)
    with progress_bar(sum(each.samples for each in again), label, delay=1) as bar:
        for number, draw in draws(again, manner, open_streams, Clock(), bar):
            index = indices[number]
            same[index] = np.array_equal(draw.pcm, starts[index])
    return same


def _older(path: Path, source: str) -> bool:
    """Whether the file that was spoken from has been written since."""
    return os.path.exists(source) and path.stat().st_mtime_ns < os.stat(source).st_mtime_ns


def _start(path: Path, samples: int, sample_rate: int, compared: int) -> NDArray[np.int16] | None:
    """The first samples of a WAV file of so many as `vocode` writes it; None of any other file."""
    with contextlib.suppress(UserError):
        sound = audio_files.read(path)
        if (sound.subtype, sound.channels, sound.sample_rate, len(sound.pcm)) == ("PCM_16", 1, sample_rate, samples):
            return sound.pcm[:compared].copy()
    return None

"""What a vocoder is given: frames of feature files, and of recordings, whose frames are computed."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wavegen.audio import files as audio_files
from wavegen.audio.examination import Findings
from wavegen.audio.files import content_hash
from wavegen.errors import UserError
from wavegen.evaluation.audio import read_at, read_whole
from wavegen.evaluation.refusals import Refusals
from wavegen.evaluation.results import Refused
from wavegen.models.familiarity import Familiarity
from wavegen.models.frame_sources import SUFFIXES, FrameSource, frames_in
from wavegen.models.frames import frames_of
from wavegen.models.given import speaker_row
from wavegen.models.model import Model

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Input(NamedTuple):
    """Frames to speak.

    Args:
        name: of the file, for people.
        out: what to call the recording, a path without suffix below the folder of all.
        samples: that it is to have.
        frames: reads or computes the frames, (frames, F).
    """

    name: str
    out: Path
    samples: int
    frames: Callable[[], NDArray[np.float32]]


class Found(NamedTuple):
    """Frames to speak, warnings about them, and files of folders that were refused, with reasons."""

    inputs: list[Input]
    warnings: list[str]
    refused: list[Refused]


def find_inputs(
    model: Model, sources: Sequence[FrameSource], speaker: str | None = None, resample: bool = False
) -> Found:
    """Finds the frames to speak. Every file is read once, so that a broken one is met before any is spoken.

    Args:
        model: that is to speak them.
        sources: recordings, folders of them, or arrays of frames, (frames, F).
        speaker: who is to speak, None for an unknown one.
        resample: converts recordings of another rate than the model's.

    Raises UserError for a model that takes no frames or does not know the speaker, and for a source that cannot be
    used; in a folder such a file is left out, if others are usable.
    """
    if model.conditioning is None or not model.conditioning.frame_channels:
        raise UserError("the model is not conditioned on frames, so that it is no vocoder; take `wavegen generate`")
    speaker_row(model.conditioning, speaker)
    finder = _Finder(model, resample)
    for source in sources:
        finder.add(source)
    return finder.found()


class _Finder:
    """Gathers inputs, and what is odd about them."""

    def __init__(self, model: Model, resample: bool):
        self.model, self.resample = model, resample
        self.inputs: list[Input] = []
        self.findings, self.familiarity, self.refusals = Findings(), Familiarity(model), Refusals()

    def add(self, source: FrameSource) -> None:
        if isinstance(source, np.ndarray):
            frames = frames_in(self.model, source)
            name = f"frames-{len(self.inputs)}"
            self.inputs.append(self._input(name, Path(name), len(frames), lambda: frames))
            return
        source = Path(source)
        read = functools.partial(self._read, folder=source if source.is_dir() else source.parent)
        for _, found in self.refusals.usable(source, list(audio_files.walk(source, also=SUFFIXES)), read):
            self.inputs.append(found)

    def found(self) -> Found:
        warnings = [*self.refusals.warnings, *self.findings.warnings(), *self.familiarity.warnings()]
        return Found(self.inputs, warnings, self.refusals.refused)

    def _read(self, path: Path, folder: Path) -> Input:
        """What a file is. Raises UserError if it cannot be used."""
        out = path.relative_to(folder).with_suffix("")
        if path.suffix.lower() in SUFFIXES:
            number = len(frames_in(self.model, path))
            return self._input(str(path), out, number, functools.partial(frames_in, self.model, path))
        rate = self.model.sample_rate
        sound = read_whole(path, rate, self.resample)
        self.familiarity.add(str(path), content_hash(sound.pcm), sound.pcm)
        self.findings.add(str(path), sound.figures, self.familiarity.tells(str(path)))
        frames = lambda: frames_of(self.model, read_at(path, rate, self.resample))  # noqa: E731
        return Input(str(path), out, len(sound.pcm), frames)

    def _input(self, name: str, out: Path, frames: int, read: Callable[[], NDArray[np.float32]]) -> Input:
        """Frames without a recording, which are as long as their hops together."""
        assert self.model.conditioning is not None, "it has been asked"
        return Input(name, out, frames * self.model.conditioning.hop, read)

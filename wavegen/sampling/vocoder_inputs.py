"""Inputs of a vocoder: frames of feature files, and of recordings, whose frames are computed."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wavegen.audio import files as audio_files
from wavegen.audio.examination import Findings
from wavegen.audio.files import content_hash
from wavegen.audio.spectral import files as feature_files
from wavegen.audio.spectral.arrays import SUFFIXES
from wavegen.engine.base import Engine
from wavegen.errors import UserError
from wavegen.evaluation.audio import read_at, read_whole
from wavegen.evaluation.refusals import Refusals
from wavegen.evaluation.results import Refused
from wavegen.models.familiarity import Familiarity
from wavegen.models.frame_sources import FrameReader, FrameSource
from wavegen.models.frames import frames_of
from wavegen.models.given import speaker_row
from wavegen.sampling.convention_check import check_convention, decided
from wavegen.sampling.results import ConventionCheck
from wavegen.wording import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray


TABLES = (".csv", ".json", ".pkl", ".pickle", ".tsv", ".txt")  # in which features are kept, too


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
    """Frames to speak, warnings about them, files of folders that were refused, and the check of a convention."""

    inputs: list[Input]
    warnings: list[str]
    refused: list[Refused]
    check: ConventionCheck | None = None


def find_inputs(
    reader: FrameReader,
    sources: Sequence[FrameSource],
    speaker: str | None,
    resample: bool,
    check: str | Path | None,
    open_streams: Callable[[int], Engine],
) -> Found:
    """Finds the frames to speak. Every file is read once, so that a broken one is met before any is spoken.

    Args:
        reader: of the model that is to speak them.
        sources: recordings, feature files, folders of either (of feature files, if there are any), or arrays of frames,
            (frames, F).
        speaker: who is to speak, None for an unknown one.
        resample: converts recordings of another rate than the model's.
        check: the recording of which the only source, a file of features, is.
        open_streams: a number of streams to an engine of the model, for the check.

    Raises UserError for a model that takes no frames or does not know the speaker, and for a source that cannot be
    used; in a folder such a file is left out, if others are usable.
    """
    config = reader.model.conditioning
    if config is None or not config.frame_channels:
        raise UserError("the model is not conditioned on frames, so that it is no vocoder; take `wavegen generate`")
    speaker_row(config, speaker)
    checked = None
    warnings = list[str]()
    if check is not None:
        (file,) = _files(Path(str(sources[0]))) if len(sources) == 1 and isinstance(sources[0], str | Path) else [None]
        if file is None or file.suffix.lower() not in SUFFIXES:
            raise UserError("`check` is for one file of features; name that alone", parameter="check")
        checked = check_convention(reader, file, check, speaker, open_streams, resample)
        reader, warnings = decided(reader, file, checked)
    finder = _Finder(reader, config.hop, resample)
    for source in sources:
        finder.add(source)
    finder.check_flags()
    found = finder.found()
    return found._replace(warnings=warnings + found.warnings, check=checked)


class _Finder:
    """Gathers inputs, and what is odd about them."""

    def __init__(self, reader: FrameReader, hop: int, resample: bool):
        self.reader = reader
        self.hop = hop
        self.resample = resample
        self.inputs: list[Input] = []
        self.features = False  # whether a file of them came
        self.findings = Findings()
        self.familiarity = Familiarity(reader.model)
        self.refusals = Refusals()
        self.odd: list[str] = []  # about feature files

    def add(self, source: FrameSource) -> None:
        if isinstance(source, np.ndarray):
            frames = self.reader.read(source).values
            name = f"frames-{len(self.inputs)}"
            self.inputs.append(Input(name, Path(name), len(frames) * self.hop, lambda: frames))
            return
        source = Path(source)
        self._note_passed_over(source)
        read = functools.partial(self._read, folder=source if source.is_dir() else source.parent)
        for _, found in self.refusals.usable(source, _files(source), read):
            self.inputs.append(found)

    def _note_passed_over(self, source: Path) -> None:
        """Says that a folder of files of features has recordings of which there is none."""
        if not source.is_dir() or (files := _files(source))[0].suffix.lower() not in SUFFIXES:
            return
        spoken = {file.stem.removesuffix("-feats") for file in files}
        others = list[Path]()
        with contextlib.suppress(UserError):  # there are no recordings
            others = [path for path in audio_files.find(source) if path.stem not in spoken]
        if others:
            said = f"{counted(len(others), 'recording')} passed over, as {others[0]}"
            self.odd.append(f"{source}: {said}, since there are files of features; name recordings to speak them")

    def check_flags(self) -> None:
        """Raises UserError for what is said of files of features where there is none."""
        for name, value in (("convention", self.reader.convention), ("statistics", self.reader.statistics)):
            if value is not None and not self.features:
                raise UserError(f"`{name}` is of files of features, and there is none; leave it out", parameter=name)

    def found(self) -> Found:
        about_files = [*self.refusals.warnings, *self.odd, *self.findings.warnings()]
        return Found(self.inputs, [*about_files, *self.familiarity.warnings()], self.refusals.refused)

    def _read(self, path: Path, folder: Path) -> Input:
        """The input that a file holds. Raises UserError if it cannot be used."""
        out = path.relative_to(folder).with_suffix("")
        if path.suffix.lower() in SUFFIXES:
            self.features = True
            found = self.reader.read(path)
            self.odd += found.warnings
            return Input(str(path), out, len(found.values) * self.hop, lambda: self.reader.read(path).values)
        model = self.reader.model
        if path.suffix.lower() in TABLES:
            kinds = f"files of features are {', '.join(SUFFIXES)}"
            raise UserError(f"{path}: is neither a recording nor a file of features; {kinds}: write it with numpy.save")
        sound = read_whole(path, model.sample_rate, self.resample)
        self.familiarity.add(str(path), content_hash(sound.pcm), sound.pcm)
        self.findings.add(str(path), sound.figures, self.familiarity.tells(str(path)))
        again = functools.partial(read_at, path, model.sample_rate, self.resample)
        return Input(str(path), out, len(sound.pcm), lambda: frames_of(model, again()))


def _files(source: Path) -> list[Path]:
    """The feature files of a folder or, if it has none, its recordings and those below; a file is itself."""
    if source.is_dir():
        try:
            return feature_files.find(source)
        except UserError:  # there are none
            return audio_files.find(source)
    return [source]

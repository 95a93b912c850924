"""Conditions of the files that are compressed or restored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from wavegen.audio.spectral.files import ReadFrames
from wavegen.compression.wgn import Condition, Preamble, damaged
from wavegen.errors import UserError
from wavegen.models.condition_kinds import WRONG_SPEAKER, Kind, kind_given, kind_of
from wavegen.models.frame_sources import FrameReader, FrameSource
from wavegen.models.frames import frames_digest
from wavegen.models.given import Given
from wavegen.models.model import Model
from wavegen.wording import counted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Frames: TypeAlias = "Sequence[FrameSource | None]"


class Told(NamedTuple):
    """The condition of each file that is compressed, and warnings about the files of frames."""

    given: list[Given]
    warnings: list[str]


def told_of(
    model: Model, samples: Sequence[int | None], speaker: str | None, frames: Frames | None, given: str | None
) -> Told:
    """The condition of each of some files that are compressed.

    Args:
        model: that compresses them.
        samples: of each file, with which the number of its frames is compared; None where that is not known.
        speaker: of all files, None for an unknown one.
        frames: of each file.
        given: see `Kind.parsed`; by default the speaker, if one is named, and the frames that the model takes.

    Raises UserError for what the model does not take, contradictions, and frames that are missing.
    """
    found = _read(model, samples, frames)
    kind = kind_of(model.conditioning, given, speaker)
    if given is None and speaker is None:
        kind = replace(kind, speaker="")
    _check_named(kind, speaker, given)
    if frames is not None and not kind.frames:
        said = f"`frames` and `given={given!r}` contradict each other; leave one out"
        raise UserError(said, parameter=("frames", "given"))
    if kind.frames and any(each is None for each in found):
        without = replace(kind, frames=False).words
        said = "the model is conditioned on frames, which cannot be computed of a file that is still to be restored"
        cure = f"give files of them with `frames`, or `given={without!r}` to do without"
        raise UserError(f"{said}; {cure}", parameter=("frames", "given"))
    conditions = [Given(speaker, None if each is None else each.values) for each in found]
    return Told(conditions, [line for each in found if each is not None for line in each.warnings])


def condition_of(model: Model, given: Given) -> Condition | None:
    """The entry of a condition in a compressed file; None for a model without conditions."""
    if model.conditioning is None:
        return None
    return Condition(given.speaker, None if given.frames is None else frames_digest(model, given.frames))


def condition_named(model: Model, given: Sequence[Given]) -> str | None:
    """The name in reports of the condition of files, which are all of one kind; None for nothing."""
    kind, speaker = (kind_given(given[0]), given[0].speaker) if given else (Kind(), None)
    return kind.condition(model.conditioning, speaker)


def given_again(
    model: Model, sources: Sequence[Path], preambles: Sequence[Preamble], frames: Frames | None
) -> list[Given]:
    """The condition of each file that is restored: the speaker that it names, and its frames, handed over again.

    Raises UserError for frames that are missing, not wanted, or not those that the file was compressed given.
    """
    found = [None if each is None else each.values for each in _read(model, [None] * len(sources), frames)]
    return [_again(model, *each) for each in zip(sources, preambles, found, strict=True)]


def _again(model: Model, path: Path, preamble: Preamble, frames: NDArray[np.float32] | None) -> Given:
    condition = preamble.condition or Condition()
    known = () if model.conditioning is None else model.conditioning.speakers
    if (preamble.condition is None) != (model.conditioning is None) or condition.speaker not in (None, *known):
        raise damaged(path)
    if condition.frames is None and frames is not None:
        raise UserError(f"{path}: was compressed without frames; leave `frames` out", parameter="frames")
    if condition.frames is not None and frames is None:
        said = "was compressed given frames, without which it cannot be restored; give the file of them with `frames`"
        raise UserError(f"{path}: {said}", parameter="frames")
    if frames is not None and frames_digest(model, frames) != condition.frames:
        raise UserError(f"{path}: was compressed given other `frames` than these", parameter="frames")
    return Given(condition.speaker, frames)


def _check_named(kind: Kind, speaker: str | None, given: str | None) -> None:
    if kind.speaker == WRONG_SPEAKER or (kind.speaker and speaker is None):
        said = f"`given={given!r}` is for recordings of a corpus, whose speakers are known; name the `speaker`"
        raise UserError(said, parameter=("given", "speaker"))


def _read(model: Model, samples: Sequence[int | None], frames: Frames | None) -> list[ReadFrames | None]:
    """The frames of each file. Raises UserError for another number of them, and as `FrameReader.read` does."""
    if frames is None:
        return [None] * len(samples)
    if len(frames) != len(samples):
        said = f"`frames` of {counted(len(frames), 'file')}, and there are {len(samples)}; give those of each"
        raise UserError(said, parameter="frames")
    reader = FrameReader(model)
    return [None if each is None else reader.read(each, number) for each, number in zip(frames, samples, strict=True)]

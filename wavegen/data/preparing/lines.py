"""Lines of JSON between the stages of `prepare`: listing, reading and gathering recordings."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from wavegen.audio.examination.figures import Figures


class Planned(TypedDict):
    """A line of plan.jsonl: a listed recording.

    `source` is the file's name within the folder that is prepared, which does not change when that is moved. `state`
    is the file's size and time of change, None for one that is not there.
    """

    id: str
    path: str
    split: str | None
    speaker: str | None
    transcript: str | None
    part: str
    source: str
    state: list[int] | None


class Piece(TypedDict):
    """A stretch of a recording; `silent` samples of it are digital silence, `landmarks` is its fingerprint."""

    samples: int
    content_hash: str
    silent: int
    landmarks: str


class Done(Planned):
    """A line of done.jsonl: a recording that was read, with the `pieces` it was cut into or its own `landmarks`."""

    samples: int
    content_hash: str
    figures: Figures
    landmarks: NotRequired[str]
    pieces: NotRequired[list[Piece]]


class Refused(Planned):
    """A line of done.jsonl: a recording that cannot be used, and why, in a sentence that starts with its path."""

    refused: str


Line = Done | Refused

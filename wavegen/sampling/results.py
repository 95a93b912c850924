"""Results of drawing, which `wavegen generate` prints as JSON."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class GeneratedFile(TypedDict):
    """One recording that was drawn."""

    file: str
    samples: int  # prime included
    seed: int
    bits_per_sample: float  # as `score` gives it for the file


class GenerateResult(TypedDict):
    """The JSON of `wavegen generate`."""

    engine: str
    precision: str  # of the layers
    exact: bool
    files: list[GeneratedFile]
    samples_per_second: float  # of all recordings together
    real_time_factor: float  # seconds of audio per second
    sample_rate: int  # Hz
    primed_samples: int
    warnings: NotRequired[list[str]]  # of the prime, by the command


class DrawnPicture(TypedDict):
    """One picture that was drawn."""

    seed: int
    nats: float
    bits_per_dimension: float


class GeneratePicturesResult(TypedDict):
    """The JSON of `wavegen generate` with a model of pictures."""

    engine: str
    precision: str
    exact: bool
    file: str
    pictures: list[DrawnPicture]
    seconds: float
    warnings: NotRequired[list[str]]  # of the prime, by the command

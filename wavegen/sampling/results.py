"""Results of drawing, which `wavegen generate` prints as JSON."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from wavegen.evaluation.results import Refused


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
    condition: str | None  # what the model is given; None for nothing
    files: list[GeneratedFile]
    samples_per_second: float  # of all recordings together
    real_time_factor: float  # seconds of audio per second
    sample_rate: int  # Hz
    primed_samples: int
    warnings: list[str]  # of silence that was drawn; the command adds those of the prime


class VocodedFile(TypedDict):
    """One recording that was spoken."""

    file: str
    source: str  # of the frames
    samples: int
    bits_per_sample: float  # given the condition


class ConventionCheck(TypedDict):
    """By which convention a file of features was made, as the likelihood of its recording says."""

    recording: str
    convention: str  # the one that the file is said to be of, unless another is clearly likelier
    bits_per_sample: dict[str, float]  # of the recording given the file, by the convention that it is read as
    own_bits_per_sample: float  # given the recording's own frames
    nothing_bits_per_sample: float  # given no frames


class VocodeResult(TypedDict):
    """The JSON of `wavegen vocode`."""

    engine: str
    precision: str  # of the layers
    exact: bool
    condition: str  # what the model is given
    seed: int
    files: list[VocodedFile]
    samples_per_second: float  # of all recordings together
    real_time_factor: float  # seconds of audio per second
    sample_rate: int  # Hz
    warnings: list[str]
    refused: list[Refused]
    check: NotRequired[ConventionCheck]
    skipped: NotRequired[list[str]]  # by the command: outputs in a folder that were there already


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

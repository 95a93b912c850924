"""Results of `compress` and `decompress`, which the commands print as JSON."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class CompressedFile(TypedDict):
    """One file that was compressed."""

    file: str  # that was written
    samples: int  # frames · channels
    bytes: int
    bits_per_sample: float | None  # of the whole file; None: no samples
    model_bits_per_sample: float | None  # −log2 p of the samples


class CompressResult(TypedDict):
    """The JSON of `wavegen compress`."""

    files: list[CompressedFile]
    samples: int
    bytes: int
    bits_per_sample: float | None
    model_bits_per_sample: float | None
    model_bytes: int  # of the weights
    precision: str
    condition: str | None  # what the model is given; None for nothing
    warnings: list[str]
    seconds: float
    skipped: NotRequired[list[str]]  # by the command: outputs in a folder that were there already


class RestoredFile(TypedDict):
    """One file that was restored."""

    file: str
    samples: int  # frames · channels
    bytes: int


class DecompressResult(TypedDict):
    """The JSON of `wavegen decompress`."""

    files: list[RestoredFile]
    samples: int
    seconds: float
    skipped: NotRequired[list[str]]  # by the command

"""The metadata of a model file: how the model was made, and on which recordings."""

from __future__ import annotations

import math
from types import NoneType
from typing import TypedDict, TypeGuard, cast

from wavegen.jsontypes import Json


class Metadata(TypedDict, total=False):
    """Keys with a meaning; a file may have other ones, whose values are plain too."""

    corpus_fingerprint: str | None
    weights_hash: str
    precision: str  # of the native engines
    precision_cost: float  # bits per sample
    temperature: float  # of `generate`
    top_p: float
    training_seconds: float | None
    validation_bits: float | None
    samples_seen: int | None
    steps: int | None
    seed: int | None
    threads: int | None
    processes: int
    init: str  # weights_hash of the model that the training started from
    trained_on: str  # sets of content hashes, see `wavegen.models.training_provenance`
    validated_on: str
    init_trained_on: str
    trained_or_validated_on: str
    training_cut: float  # seconds of the pieces that the corpus was cut into
    training_ranges: str  # see `wavegen.models.ranges`


_EARLIER_NAMES = {"heard": "trained_or_validated_on"}  # of keys, in files made before
_PLAIN = (str, int, float, NoneType)
_TYPES: dict[str, tuple[type, ...]] = {  # of keys that are used; values of others are plain
    "corpus_fingerprint": (str, NoneType),
    **dict.fromkeys(("weights_hash", "precision", "training_ranges"), (str,)),
    **dict.fromkeys(("trained_on", "validated_on", "init_trained_on", "trained_or_validated_on"), (str,)),
    **dict.fromkeys(("training_cut", "temperature", "top_p"), (float, int)),
    **dict.fromkeys(("training_seconds", "validation_bits"), (float, int, NoneType)),
    **dict.fromkeys(("samples_seen", "steps", "seed"), (int, NoneType)),
}


def renamed(metadata: Json) -> Json:
    """The metadata of a file with the present names of keys that had others."""
    return {_EARLIER_NAMES.get(key, key): value for key, value in metadata.items()}


def is_metadata(found: object) -> TypeGuard[Metadata]:
    """Whether it may have been saved: plain, finite values of the right types."""
    return isinstance(found, dict) and all(_is_plain(key, value) for key, value in cast(Json, found).items())


def _is_plain(key: object, value: object) -> bool:
    finite = not isinstance(value, float) or math.isfinite(value)
    return finite and type(value) in _TYPES.get(str(key), _PLAIN)

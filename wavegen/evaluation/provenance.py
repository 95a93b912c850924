"""Size, cost and origin of a model, as reports name them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from wavegen.engine import precision_of
from wavegen.evaluation.results import Provenance


class Reported(Protocol):
    """A model of any kind, as data or as a torch module."""

    @property
    def metadata(self) -> Mapping[str, Any]: ...
    @property
    def num_parameters(self) -> int: ...
    @property
    def macs_per_sample(self) -> int: ...
    @property
    def num_bytes(self) -> int: ...


def provenance(model: Reported | None) -> Provenance:
    """Size, cost and origin of a model; None where its file does not know, and for each key where there is no model."""
    known = {} if model is None else model.metadata
    return {
        "parameters": None if model is None else model.num_parameters,
        "macs_per_sample": None if model is None else model.macs_per_sample,
        "model_bytes": None if model is None else model.num_bytes,
        "precision": None if model is None else precision_of(model),
        "training_seconds": known.get("training_seconds"),
        "samples_seen": known.get("samples_seen"),
        "steps": known.get("steps"),
        "seed": known.get("seed"),
        "weights_hash": known.get("weights_hash"),
        "corpus_fingerprint": known.get("corpus_fingerprint"),
    }

"""Size, cost and origin of a model, as reports name them."""

from __future__ import annotations

from typing import Protocol

from wavegen.engine import precision_of
from wavegen.evaluation.results import Origin, Provenance, RowProvenance
from wavegen.models.metadata import Metadata


class Reported(Protocol):
    """A model of any kind, as data or as a torch module."""

    @property
    def metadata(self) -> Metadata: ...
    @property
    def num_parameters(self) -> int: ...
    @property
    def macs_per_sample(self) -> int: ...
    @property
    def num_bytes(self) -> int: ...


def provenance(model: Reported) -> Provenance:
    """Size, cost and origin of a model."""
    return {
        "parameters": model.num_parameters,
        "macs_per_sample": model.macs_per_sample,
        "model_bytes": model.num_bytes,
        "precision": precision_of(model),
        **_origin(model.metadata),
    }


def row_provenance(model: Reported | None) -> RowProvenance:
    """`provenance` of the model of a row; all None for a row that is no model."""
    if model is not None:
        return {**provenance(model)}
    return {"parameters": None, "macs_per_sample": None, "model_bytes": None, "precision": None, **_origin({})}


def _origin(metadata: Metadata) -> Origin:
    return {
        "training_seconds": metadata.get("training_seconds"),
        "samples_seen": metadata.get("samples_seen"),
        "steps": metadata.get("steps"),
        "seed": metadata.get("seed"),
        "weights_hash": metadata.get("weights_hash"),
        "corpus_fingerprint": metadata.get("corpus_fingerprint"),
    }

"""What a report names of a model."""

from __future__ import annotations

from typing import Any, Protocol

from wavegen.engine import precision_of

PROVENANCE = (
    "parameters",
    "macs_per_sample",
    "model_bytes",
    "precision",
    "training_seconds",
    "samples_seen",
    "steps",
    "seed",
    "weights_hash",
    "corpus_fingerprint",
)


class Reported(Protocol):
    """A model of any kind, as data or as a torch module."""

    @property
    def metadata(self) -> Any: ...
    @property
    def num_parameters(self) -> int: ...
    @property
    def macs_per_sample(self) -> int: ...
    @property
    def num_bytes(self) -> int: ...


def provenance(model: Reported) -> dict[str, Any]:
    """What a report names of a model: size, cost, training, hashes; None where the model does not know."""
    known = {
        **model.metadata,
        "parameters": model.num_parameters,
        "macs_per_sample": model.macs_per_sample,
        "model_bytes": model.num_bytes,
        "precision": precision_of(model),
    }
    return {key: known.get(key) for key in PROVENANCE}

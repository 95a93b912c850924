"""Checks that models and a corpus may be compared: the same form, and held-out recordings for every model."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from wavegen.data.corpus import Corpus
from wavegen.errors import UserError
from wavegen.evaluation.feeding import check_form
from wavegen.models.familiarity import Familiar, Familiarity
from wavegen.wording import listed


def check_fit(models: Mapping[str, Familiar], corpus: Corpus, reserved: Collection[str] = ()) -> None:
    """Raises UserError, naming the two that differ, unless all models and the corpus belong together.

    A model of another corpus is refused: that corpus may hold files among its training files that are held out here.
    `reserved` are the names of rows that no model may have.
    """
    path = str(corpus.path)
    for name, model in models.items():
        if name in reserved:
            raise UserError(f"{name}: another row has this name; name the model, as in MY-{name.split()[0]}=MODEL")
        check_form(path, corpus.form, model.form, f"{name} cannot be compared there")
    trained = {name: model.metadata.get("corpus_fingerprint") for name, model in models.items()}
    trained = {name: fingerprint for name, fingerprint in trained.items() if fingerprint is not None}
    for name, fingerprint in trained.items():
        first, expected = next(iter(trained.items()))
        if fingerprint != expected:
            raise UserError(
                f"{name} and {first} were trained on different corpora ({fingerprint[:8]}, {expected[:8]}): "
                "the held-out files of one may be training files of the other"
            )
        if fingerprint != corpus.fingerprint:
            raise UserError(
                f"{name} was trained on corpus {fingerprint[:8]}, {path} is {corpus.fingerprint[:8]}, "
                "which may hold out what the model was trained on; name the model's own corpus, or use `wavegen score`"
            )


def check_held_out(models: Mapping[str, Familiar], corpus: Corpus, split: str) -> None:
    """Raises UserError if a model was trained or validated on a recording of the split.

    In its own corpus it was not, unless another model was whose weights it started from.
    """
    for name, model in models.items():
        familiarity = Familiarity(model)
        if not familiarity.provenance.known:
            continue
        own = model.metadata.get("corpus_fingerprint") == corpus.fingerprint
        for recording in corpus.split(split):
            familiarity.add(recording.id, recording.content_hash, None, own)
        if seen := familiarity.seen:
            many = f"{len(seen)} recordings" if len(seen) > 1 else "a recording"
            raise UserError(
                f"{name} was trained or validated on {many} of {corpus.path}'s {split} split ({listed(seen)}); "
                "leave it out"
            )

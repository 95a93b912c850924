"""Checks that the processes of a training, and a run and its resumption, mean the same training."""

from __future__ import annotations

from pathlib import Path

from wavegen.data.corpus import Corpus
from wavegen.errors import UserError
from wavegen.training.distributed import Processes
from wavegen.training.folder import Position
from wavegen.training.recipe import Recipe


def check_alike(processes: Processes, recipe: Recipe, corpus: Corpus, init: str | None) -> None:
    """Raises UserError unless all processes have the same recipe, corpus, and hash of the weights to start from."""
    model = "model to `init` from"
    given = processes.gathered({"recipe": recipe.to_toml(), "corpus": corpus.fingerprint, model: init})
    for rank, one in enumerate(given):
        if one != given[0]:
            what = next(name for name in one if one[name] != given[0][name])
            raise UserError(
                f"process {rank} has another {what} than process 0; give the same on every machine",
                parameter="init" if what == model else (),
            )


def check_origin(run: Path, header: Position, corpus: Corpus, init: str | None) -> None:
    """Raises UserError unless a run is on this corpus and started from these weights.

    Args:
        run: its folder.
        header: of its state.
        corpus: to go on with.
        init: hash of the weights to start from, None for any.
    """
    if header["corpus_fingerprint"] != corpus.fingerprint:
        raise UserError(
            f"{run}: was trained on corpus {header['corpus_fingerprint']}, "
            f"{corpus.path} is {corpus.fingerprint}; give the same corpus"
        )
    if init not in (None, header["init"]):
        raise UserError(f"{run}: did not start from the model that `init` names; leave `init` out", parameter="init")

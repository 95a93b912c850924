"""Whether those who train one model mean the same training: processes, and a run and who resumes it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wavegen.data.corpus import Corpus
from wavegen.errors import UserError
from wavegen.training.distributed import Processes
from wavegen.training.recipe import Recipe


def check_alike(processes: Processes, recipe: Recipe, corpus: Corpus, init: str | None) -> None:
    """Raises UserError unless all processes were given the same recipe, corpus and first weights, by their hash."""
    given = processes.gathered({"recipe": recipe.to_toml(), "corpus": corpus.fingerprint, "model to `init` from": init})
    for rank, one in enumerate(given):
        if one != given[0]:
            what = next(name for name in one if one[name] != given[0][name])
            raise UserError(
                f"process {rank} has another {what} than process 0; give the same on every machine", parameter="init"
            )


def check_origin(run: Path, header: Mapping[str, Any], corpus: Corpus, init: str | None) -> None:
    """Raises UserError unless the run whose state has that header is on this corpus and from these weights or any."""
    if header["corpus_fingerprint"] != corpus.fingerprint:
        raise UserError(
            f"{run}: was trained on corpus {header['corpus_fingerprint']}, "
            f"{corpus.path} is {corpus.fingerprint}; give the same corpus"
        )
    if init not in (None, header["init"]):
        raise UserError(f"{run}: did not start from the model that `init` names; leave `init` out", parameter="init")

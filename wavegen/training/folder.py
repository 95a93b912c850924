"""What a run folder holds besides models: the state to resume from, the log of metrics, the recipe."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from wavegen.data.corpus import Corpus
from wavegen.data.format import DESCRIPTION, LINES, PCM, is_corpus
from wavegen.errors import UserError
from wavegen.models.checkpoint import FORMAT, read_tensors, weights_hash, write_tensors
from wavegen.system.atomic import replacing
from wavegen.training.recipe import Recipe, check_same, parse_recipe

_log = logging.getLogger("wavegen")
STATE, METRICS, RECIPE = "resume.safetensors", "metrics.jsonl", "recipe.toml"
BEST, LAST = "model.safetensors", "last.safetensors"


def check_no_corpus(run: Path) -> None:
    """Raises UserError if the folder is a corpus, whose files and a run's would be mixed."""
    if is_corpus(run):
        raise UserError(f"{run}: is a corpus; give another `run`", parameter="run")


def check_free(run: Path, resume: bool) -> None:
    """Raises UserError if the folder holds a run and it is not to be resumed, or files that a run would replace."""
    if (run / STATE).exists():
        if not resume:
            said = "holds a training run; give `resume=True` to go on with it, or another `run`"
            raise UserError(f"{run}: {said}", parameter=("resume", "run"))
        return
    for name in (BEST, LAST, RECIPE, METRICS):  # none of a run that was killed: the state is there before them
        if (run / name).exists():
            said = f"holds {name} of something else, which training would replace; give another `run`"
            raise UserError(f"{run}: {said}", parameter="run")


def check_minutes(run: Path, recipe: Recipe) -> None:
    """Warns that a finished run takes no more minutes, if `recipe` asks for some."""
    if recipe.training.minutes is None or not (run / STATE).exists():
        return
    stored, _, header = read_state(run)
    steps, patience = stored.training.steps, stored.training.patience
    if header.get("step") == steps or (patience is not None and header.get("since_best", 0) >= patience):
        _log.warning(
            "wavegen: %s: is finished, with %s steps behind it; training.minutes = %g adds none; to go on, give "
            "training.steps=N with more",
            run,
            header.get("step"),
            recipe.training.minutes,
        )


def write_state(run: Path, recipe: Recipe, tensors: Mapping[str, Tensor], position: Mapping[str, Any]) -> None:
    """Writes all that a run goes on from, in one file, whole or not at all. Raises UserError."""
    header = {"format": FORMAT, "recipe": recipe.to_toml(), "weights_hash": weights_hash(tensors), **position}
    write_tensors(run / STATE, tensors, header)


def read_state(run: Path) -> tuple[Recipe, dict[str, Tensor], dict[str, Any]]:
    """What `write_state` wrote. Raises UserError if the file is damaged or is something else."""
    path = run / STATE
    tensors, header = read_tensors(path)
    if not {"recipe", "weights_hash"} <= header.keys():
        said = "no state of a run, or of a wavegen before they held their recipe; give another `run`"
        raise UserError(f"{path}: {said}", parameter="run")
    if header["weights_hash"] != weights_hash(tensors):
        said = "the weights do not match their hash; the file is damaged, give another `run`"
        raise UserError(f"{path}: {said}", parameter="run")
    try:
        recipe = parse_recipe(tomllib.loads(header["recipe"]), "in its recipe")
    except (AttributeError, TypeError, ValueError) as error:  # no text, or no TOML
        raise foreign(run) from error
    except UserError as error:
        told = "; ".join(error.problems)
        raise UserError(f"{path}: of a run that another wavegen began ({told}); use that one") from error
    return recipe, tensors, header


def foreign(run: Path) -> UserError:
    """Of a state whose hash is right, so that no copy has damaged it."""
    said = "does not fit this run: altered, or of another run or wavegen; give another `run`"
    return UserError(f"{run / STATE}: {said}", parameter="run")


def agreed_recipe(given: Recipe, stored: Recipe, step: int, run: Path) -> Recipe:
    """The recipe that a run at `step` goes on with: the one it has, with more steps if it is done and these are asked.

    Raises UserError if `given` asks for anything else.
    """
    asked, has = given.training.steps, stored.training.steps
    assert has is not None, "a resolved recipe has steps"
    if asked is not None and asked != has:
        if asked < has or step < has:
            raise UserError(
                f"{run}: was started with training.steps = {has}, not {asked}, and is at {step}; "
                "only a run that has all its steps behind it takes more"
            )
        stored = stored.model_copy(update={"training": stored.training.model_copy(update={"steps": asked})})
    check_same(given, stored, str(run))
    return stored


def tidy(run: Path, recipe: Recipe, step: int, validated: int) -> None:
    """Takes away what a killed process left after the run last saved, at `step`, and writes the recipe. UserError."""
    for left in run.glob(".*.part*"):
        left.unlink(missing_ok=True)
    with replacing(run / RECIPE) as temporary:
        temporary.write_text(recipe.to_toml(), encoding="utf-8")
    _keep_metrics(run / METRICS, step, validated)


def _keep_metrics(path: Path, step: int, validated: int) -> None:
    """Drops what a killed run wrote after it last saved, at `step` and with the last validation at `validated`.

    Also a last line that was cut short.
    """
    kept = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True) if path.exists() else []:
        with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
            entry = json.loads(line)
            if entry["step"] <= (validated if "validation_bits" in entry else step):
                kept.append(line)
    with replacing(path) as temporary:
        temporary.write_text("".join(kept), encoding="utf-8")


class Unchanged:
    """Watches that a corpus's files stay what they are while they are read."""

    def __init__(self, corpus: Corpus):
        self.corpus = corpus
        self.before = self._looks()

    def check(self) -> None:
        """Raises UserError if a file of the corpus was replaced, written to or removed since."""
        looks = self._looks()
        if None in looks:
            raise UserError(
                f"{self.corpus.path}: is gone or cannot be read, as if it was moved or its disk unmounted; "
                "put it back and go on with `resume=True`",
                parameter="resume",
            )
        if looks != self.before:
            raise UserError(
                f"{self.corpus.path}: changed during the training; put the corpus back as it was and go on "
                "with `resume=True`, or train on the new one with another `run`",
                parameter=("resume", "run"),
            )

    def _looks(self) -> list[tuple[int, int, int] | None]:
        looks = []
        for name in (DESCRIPTION, LINES, PCM):
            try:
                status = os.stat(self.corpus.path / name)
                looks.append((status.st_ino, status.st_size, status.st_mtime_ns))
            except OSError:
                looks.append(None)
        return looks

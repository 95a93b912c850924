"""The run folder: the state to resume from, the log of metrics, the recipe."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import NotRequired, TypedDict, TypeGuard

from torch import Tensor

from wavegen.data.corpus import Corpus
from wavegen.data.format import DESCRIPTION, LINES, PCM, is_corpus
from wavegen.errors import UserError
from wavegen.models.checkpoint import read_tensors, weights_hash, write_tensors
from wavegen.models.metadata import Metadata, is_metadata, renamed
from wavegen.models.tensorfile import FORMAT
from wavegen.system.atomic import replacing
from wavegen.training.recipe import Recipe, check_same, parse_recipe

_log = logging.getLogger("wavegen")
STATE, METRICS, RECIPE = "resume.safetensors", "metrics.jsonl", "recipe.toml"
BEST, LAST = "model.safetensors", "last.safetensors"


class Position(TypedDict):
    """The progress of a run, as the header of its state has it."""

    corpus_fingerprint: str
    init: str | None  # weights_hash of the model that the run started from
    inherited: NotRequired[Metadata]  # of that model; missing in older runs
    step: int
    samples: int
    seconds: float
    best: float  # bits per sample on the validation split
    validated: int  # step of the last validation
    since_best: int  # validations


_TYPES: dict[str, tuple[type, ...]] = {
    "corpus_fingerprint": (str,),
    "init": (str, NoneType),
    **dict.fromkeys(("step", "samples", "validated", "since_best"), (int,)),
    **dict.fromkeys(("seconds", "best"), (float, int)),  # best is infinite before the first validation
}


def is_position(found: Mapping[str, object]) -> TypeGuard[Position]:
    """Whether the header has every key of a position, with values of the right types."""
    typed = all(key in found and type(found[key]) in types for key, types in _TYPES.items())
    return typed and is_metadata(found.get("inherited", {}))


def check_no_corpus(run: Path) -> None:
    """Raises UserError if the folder is a corpus."""
    if is_corpus(run):
        raise UserError(f"{run}: is a corpus; give another `run`", parameter="run")


def check_free(run: Path, resume: bool) -> None:
    """Raises UserError if the folder holds a run and not `resume`, or files that a run would replace."""
    if (run / STATE).exists():
        if not resume:
            said = "holds a training run; give `resume=True` to go on with it, or another `run`"
            raise UserError(f"{run}: {said}", parameter=("resume", "run"))
        return
    for name in (BEST, LAST, RECIPE, METRICS):  # not of a killed run: the state is written before them
        if (run / name).exists():
            said = f"holds {name} of something else, which training would replace; give another `run`"
            raise UserError(f"{run}: {said}", parameter="run")


def check_minutes(run: Path, recipe: Recipe) -> None:
    """Warns if `recipe` asks for minutes that a finished run does not take."""
    if recipe.training.minutes is None or not (run / STATE).exists():
        return
    stored, _, header = read_state(run)
    steps, patience = stored.training.steps, stored.training.patience
    step = header["step"]
    if step == steps:
        advice = f"to go on, set training.steps to more than {steps}"
    elif patience is not None and header["since_best"] >= patience:
        advice = f"training.patience = {patience} has ended it for good"
    else:
        return
    said = "is finished, with %d steps behind it; training.minutes = %g adds none"
    _log.warning(f"wavegen: %s: {said}; %s", run, step, recipe.training.minutes, advice)


def write_state(run: Path, recipe: Recipe, tensors: Mapping[str, Tensor], position: Position) -> None:
    """Writes the state of a run to one file, whole or not at all. Raises UserError if it cannot be written.

    Args:
        run: folder of the run.
        recipe: resolved.
        tensors: of the learner.
        position: how far the run is.
    """
    header = {"format": FORMAT, "recipe": recipe.to_toml(), "weights_hash": weights_hash(tensors), **position}
    write_tensors(run / STATE, tensors, header)


def stored_state(run: Path) -> tuple[Recipe, dict[str, Tensor], Position] | None:
    """`read_state`, or None if the folder holds no run. Raises UserError."""
    return read_state(run) if (run / STATE).exists() else None


def read_state(run: Path) -> tuple[Recipe, dict[str, Tensor], Position]:
    """The recipe, tensors and position of a run. Raises UserError if the file is damaged or something else."""
    path = run / STATE
    tensors, header = read_tensors(path)
    if not {"recipe", "weights_hash"} <= header.keys():
        said = "no state of a run, or of a wavegen before they held their recipe; give another `run`"
        raise UserError(f"{path}: {said}", parameter="run")
    if header["weights_hash"] != weights_hash(tensors):
        said = "the weights do not match their hash; the file is damaged, give another `run`"
        raise UserError(f"{path}: {said}", parameter="run")
    if not isinstance(text := header["recipe"], str):
        raise foreign(run)
    try:
        recipe = parse_recipe(tomllib.loads(text), "in its recipe")
    except ValueError as error:  # no TOML
        raise foreign(run) from error
    except UserError as error:
        told = "; ".join(error.problems)
        raise UserError(f"{path}: of a run that another wavegen began ({told}); use that one") from error
    if isinstance(start := header.get("inherited"), dict):
        header["inherited"] = renamed(start)
    if not is_position(header):
        raise foreign(run)
    return recipe, tensors, header


def foreign(run: Path) -> UserError:
    """The error for a state of another run or wavegen, whose hash is right: no copy has damaged it."""
    said = "does not fit this run: altered, or of another run or wavegen; give another `run`"
    return UserError(f"{run / STATE}: {said}", parameter="run")


def agreed_recipe(given: Recipe, stored: Recipe, step: int, run: Path) -> Recipe:
    """The recipe to resume with: the stored one, with the steps of the given one if the run has all its own behind it.

    Args:
        given: the recipe asked for.
        stored: the resolved recipe of the run.
        step: of the run.
        run: its folder.

    Raises UserError if `given` asks for anything else.
    """
    asked = given.training.steps
    has = stored.training.steps
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
    """Removes what a killed process wrote after the last save, and writes the recipe.

    Args:
        run: its folder.
        recipe: resolved.
        step: of the last save.
        validated: step of the last validation.

    Raises UserError if the folder cannot be written.
    """
    for left in run.glob(".*.part*"):
        left.unlink(missing_ok=True)
    with replacing(run / RECIPE) as temporary:
        temporary.write_text(recipe.to_toml(), encoding="utf-8")
    _keep_metrics(run / METRICS, step, validated)


def _keep_metrics(path: Path, step: int, validated: int) -> None:
    """Drops the lines after the last save, at `step` with the last validation at `validated`, and a line cut short."""
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    kept: list[str] = []
    for line in text.splitlines(keepends=True):
        with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
            entry = json.loads(line)
            if entry["step"] <= (validated if "validation_bits" in entry else step):
                kept.append(line)
    with replacing(path) as temporary:
        temporary.write_text("".join(kept), encoding="utf-8")


class Unchanged:
    """Watches that the files of a corpus do not change while they are read."""

    def __init__(self, corpus: Corpus):
        self.corpus = corpus
        self.before = self._looks()

    def check(self) -> None:
        """Raises UserError if a file of the corpus was replaced, written to or removed."""
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
        looks: list[tuple[int, int, int] | None] = []
        for name in (DESCRIPTION, LINES, PCM):
            try:
                status = os.stat(self.corpus.path / name)
                looks.append((status.st_ino, status.st_size, status.st_mtime_ns))
            except OSError:
                looks.append(None)
        return looks

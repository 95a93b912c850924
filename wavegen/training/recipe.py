"""Recipes: TOML read into checked, typed settings of a model and its training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

import tomli_w
from pydantic import BaseModel, ConfigDict, Field

from wavegen.errors import UserError, closest, nearest
from wavegen.models.audio import AudioModel
from wavegen.models.configs.base import Tables
from wavegen.models.density import Density
from wavegen.models.parts import check_parts
from wavegen.models.registry import DENSITIES, density_named
from wavegen.models.settings import Draft, Problems, Table
from wavegen.training.toml import apply_overrides, read_toml

OF_SOUND = {"corpus": ("sample_rate",), "training": ("window", "warm_up")}  # keys that recipes of pictures do not have


class CorpusSettings(Table):
    """The folder of the prepared corpus, relative to the recipe, and its sample rate in Hz."""

    path: str | None = None
    sample_rate: Annotated[int, Field(ge=1000, le=384000)] | None = None


class TrainingSettings(Table):
    """How to train: `window` and `warm_up` in samples; either `steps` or `minutes`."""

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 8
    window: Annotated[int, Field(ge=1, le=2**24)] = 4096
    warm_up: Annotated[int, Field(ge=0, le=2**24)] = 512
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 4e-3
    steps: Annotated[int, Field(ge=1, le=10**12)] | None = None
    minutes: Annotated[float, Field(gt=0, le=10**7)] | None = None
    validate_every: Annotated[int, Field(ge=1)] | None = None
    average_decay: Annotated[float, Field(ge=0, lt=1)] = 0.999
    patience: Annotated[int, Field(ge=1)] | None = None
    accumulate: Annotated[int, Field(ge=1, le=4096)] = 1
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    bfloat16: bool | None = None  # products inside layers; None: where that is faster


class SamplingSettings(Table):
    """Defaults of `generate`."""

    temperature: Annotated[float, Field(ge=1e-6, le=100)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0


SETTINGS: dict[str, type[Table]] = {
    "corpus": CorpusSettings,
    "training": TrainingSettings,
    "sampling": SamplingSettings,
}


class Recipe(BaseModel):
    """A whole recipe; `model` is the argument of `from_settings` of its density."""

    model_config = ConfigDict(frozen=True)

    corpus: CorpusSettings
    training: TrainingSettings
    sampling: SamplingSettings
    model: Tables

    def tables(self) -> Tables:
        """The recipe's tables without keys whose value is None."""
        tables: Tables = {
            "corpus": self.corpus.model_dump(exclude_none=True),
            **self.model,
            "training": self.training.model_dump(exclude_none=True),
            "sampling": self.sampling.model_dump(),
        }
        if "density" in self.model:
            for name, keys in OF_SOUND.items():
                tables[name] = {key: value for key, value in tables[name].items() if key not in keys}
        return {name: table for name, table in tables.items() if table}

    def to_toml(self) -> str:
        """The recipe as TOML that `load_recipe` reads back to the same recipe."""
        return tomli_w.dumps(self.tables())


def load_recipe(path: str | Path, overrides: Iterable[str] = (), *, needs_corpus: bool = False) -> Recipe:
    """Reads a TOML recipe.

    Args:
        path: of the file.
        overrides: `table.key=value` each, the value as TOML or else a string.
        needs_corpus: whether the recipe must name its corpus.

    Raises UserError with a line for each problem: the file or override, the key, what is wrong, what would be right.
    """
    tables, problems = read_toml(path)
    set_by = apply_overrides(overrides, tables or {}, problems)
    if tables is None:
        problems.check()
    return _parsed(tables or {}, Problems(str(path), set_by), problems.lines, needs_corpus)


def parse_recipe(tables: Mapping[str, object], source: str) -> Recipe:
    """Checks a recipe's tables; `source` is the start of an error's lines. Raises UserError."""
    return _parsed(tables, Problems(source))


def _parsed(
    tables: Mapping[str, object], problems: Problems, found: Iterable[str] = (), needs_corpus: bool = False
) -> Recipe:
    """The recipe in the tables; raises UserError with all their problems and those `found` before."""
    problems.lines += found
    parts = {part for density in DENSITIES.values() for part in density.PARTS}
    draft = Draft(tables, {*SETTINGS, "density", *parts}, "", problems)
    density = _density_meant(draft)
    if density is not None:
        _leave_out_foreign(draft, density)
    model, checked = check_parts(draft, density, SETTINGS)
    _check_length(draft)
    corpus, training, sampling = (checked[name] for name in SETTINGS)
    if needs_corpus and isinstance(corpus, CorpusSettings) and corpus.path is None:
        problems.add("corpus.path is missing; write it there, or give `corpus`")
        problems.parameters.add("corpus")
    nucleus = isinstance(sampling, SamplingSettings) and sampling.top_p < 1
    distribution = model.get("distribution", {}).get("name")
    if nucleus and "distribution" not in draft.wrong and distribution not in (None, "categorical"):
        needs = "sampling.top_p needs distribution.name = 'categorical'; a mixture has no nucleus"
        problems.add(needs, "sampling", "top_p")
    problems.check()
    return Recipe.model_validate({"corpus": corpus, "training": training, "sampling": sampling, "model": model})


def _check_length(draft: Draft) -> None:
    """Reports a training with two lengths or none, whatever else is wrong with it."""
    training = draft.tables.get("training", {})
    given = [name for name in ("steps", "minutes") if training.get(name) is not None]  # from Python it may be None
    if len(given) != 1 and not draft.is_unreadable("training"):
        draft.problems.add(f"training: give either steps or minutes; {'both are' if given else 'neither is'} there")


def _density_meant(draft: Draft) -> type[Density] | None:
    """The density that [density] names or probably means; None if that is unclear."""
    try:
        return density_named(draft.tables, draft.problems.source)
    except UserError as error:
        if not draft.is_unreadable("density"):
            draft.problems.lines += error.problems
        meant = closest(str(draft.tables["density"].get("name")), DENSITIES)
        return None if meant is None else DENSITIES[meant]


def _leave_out_foreign(draft: Draft, density: type[Density]) -> None:
    """Reports and removes tables and keys of another density."""
    problems, tables = draft.problems, draft.tables
    known = {*SETTINGS, "density", *density.PARTS}
    for name in [name for name in tables if name not in known]:
        problems.add(f"[{name}] is not a table of a recipe of {density.kind}{nearest(name, known)}", name)
        del tables[name]
    if density is not AudioModel:
        for name, keys in OF_SOUND.items():
            for key in set(keys) & set(tables.get(name, ())):
                problems.add(f"{name}.{key} is for sound, and density.name is {density.kind!r}", name, key)
                del tables[name][key]


def check_same(given: Recipe, stored: Recipe, run: str) -> None:
    """Raises UserError if `given` differs from the `stored` recipe of a run; `minutes` are not compared."""
    decided = {"training.steps", "training.minutes", "training.validate_every", "training.threads", "training.bfloat16"}
    a, b = _flat(given), _flat(stored)
    for key in [*a, *(b.keys() - a.keys())]:
        left_open = key == "training.minutes" or (key in decided and a[key] is None)
        if not left_open and a.get(key) != b.get(key):
            said = f"was started with {key} = {b.get(key)}, not {a.get(key)}; give another `run`"
            raise UserError(f"{run}: {said}", parameter="run")


def _flat(recipe: Recipe) -> dict[str, object]:
    tables: Tables = {**recipe.model, "training": dict(recipe.training), "sampling": dict(recipe.sampling)}
    return {f"{name}.{key}": value for name, table in tables.items() for key, value in table.items()}

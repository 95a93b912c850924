"""Recipes: what to train and how, read from TOML into checked, typed settings."""

from __future__ import annotations

import inspect
import tomllib
import typing
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, model_validator

from wavegen.codecs import CODECS
from wavegen.densities import density_named
from wavegen.density import AudioModel
from wavegen.distributions import DISTRIBUTIONS, MOST_CATEGORIES
from wavegen.errors import UserError, nearest

OF_SOUND = {"corpus": ("sample_rate",), "training": ("window", "warm_up")}  # what recipes of pictures do not have

T = TypeVar("T", bound=BaseModel)


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class CorpusSettings(_Table):
    """Where the prepared corpus lies, relative to the recipe, and the rate it must have."""

    path: str | None = None
    sample_rate: Annotated[int, Field(ge=1000, le=384000)] | None = None


class TrainingSettings(_Table):
    """How to train. `window` and `warm_up` are in samples; either `steps` or `minutes` says how long."""

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

    @model_validator(mode="after")
    def _one_length(self) -> TrainingSettings:
        if (self.steps is None) == (self.minutes is None):
            raise ValueError("give either steps or minutes")
        return self


class SamplingSettings(_Table):
    """What `generate` uses unless the command line says otherwise."""

    temperature: Annotated[float, Field(ge=1e-6, le=100)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0


class Recipe(BaseModel):
    """A whole recipe; `model` is what `from_settings` of its density takes."""

    model_config = ConfigDict(frozen=True)

    corpus: CorpusSettings
    training: TrainingSettings
    sampling: SamplingSettings
    model: dict[str, dict[str, Any]]

    def tables(self) -> dict[str, dict[str, Any]]:
        """The recipe's tables without the keys that say nothing."""
        tables = {
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


def load_recipe(path: str | Path, overrides: Iterable[str] = ()) -> Recipe:
    """Reads a TOML recipe; each override is `table.key=value`, the value as TOML or else a string.

    Raises UserError that names the file or override, the key, what is wrong and what would be right.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        tables = tomllib.loads(text)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # wrong encoding or syntax, endless numbers or brackets
        raise UserError(f"{path}: not TOML: {' '.join(str(error).split())}") from error
    for override in overrides:
        _apply(override, tables)
    return parse_recipe(tables, str(path))


def parse_recipe(tables: Mapping[str, Any], source: str) -> Recipe:
    """Checks a recipe's tables; `source` is what an error line starts with. Raises UserError."""
    density = density_named(tables, source)
    known = {"corpus", "training", "sampling", "density", *density.PARTS}
    of = "" if density is AudioModel else f" of {density.kind}"
    for name, table in tables.items():
        if name not in known:
            raise UserError(f"{source}: [{name}] is not a table of a recipe{of}{nearest(name, known)}")
        if not isinstance(table, Mapping):
            raise UserError(f"{source}: {name} must be a table, [{name}]")
        for key in OF_SOUND.get(name, ()) if density is not AudioModel else ():
            if key in table:
                raise UserError(f"{source}: {name}.{key} is for sound, and density.name is {density.kind!r}")
    tables = {**tables, **{part: {**default, **tables.get(part, {})} for part, default in density.DEFAULTS.items()}}
    recipe = Recipe(
        corpus=_check(CorpusSettings, "corpus", tables.get("corpus", {}), source),
        training=_check(TrainingSettings, "training", tables.get("training", {}), source),
        sampling=_check(SamplingSettings, "sampling", tables.get("sampling", {}), source),
        model=check_model(tables, source),
    )
    if recipe.sampling.top_p < 1 and recipe.model["distribution"]["name"] != "categorical":
        raise UserError(f"{source}: sampling.top_p needs distribution.name = 'categorical'; a mixture has no nucleus")
    return recipe


def check_model(tables: Mapping[str, Any], source: str) -> dict[str, dict[str, Any]]:
    """The tables of a density's parts, checked, with their defaults filled in.

    One that says which density it is comes first, unless that is of audio. Raises UserError, for parts that do not
    go together too.
    """
    density = density_named(tables, source)
    checked: dict[str, dict[str, Any]] = {} if density is AudioModel else {"density": {"name": density.kind}}
    for part, registry in density.PARTS.items():
        table = tables.get(part)
        if part in density.OPTIONAL and table is None:
            continue
        name = table.get("name") if isinstance(table, Mapping) else None
        if not isinstance(name, str):
            raise UserError(f"{source}: {part}.name is missing{nearest('', registry)}")
        if name not in registry:
            raise UserError(f"{source}: {part}.name = {name!r} is unknown{nearest(name, registry)}")
        checked[part] = _check(_settings_model(registry[name]), part, table, source).model_dump(mode="json")
    if "codec" in checked:
        _check_together(checked, source)
    return checked


def _check_together(parts: Mapping[str, dict[str, Any]], source: str) -> None:
    """Raises UserError if distribution, codec and predictor are right each but do not go together."""
    if DISTRIBUTIONS[parts["distribution"]["name"]].takes_location:
        return
    if "predictor" in parts:
        raise UserError(
            f"{source}: predictor shifts the location of a mixture, and distribution.name = 'categorical' has none; "
            "leave [predictor] out, or take 'mixture-of-logistics'"
        )
    codec = dict(parts["codec"])
    symbols = CODECS[codec.pop("name")](**codec).num_symbols
    if symbols > MOST_CATEGORIES:
        raise UserError(
            f"{source}: distribution.name = 'categorical' takes at most {MOST_CATEGORIES} symbols, and codec makes "
            f"{symbols}; lower codec.bits, or take 'mixture-of-logistics'"
        )


@cache
def _settings_model(part: type) -> type[_Table]:
    """The keyword-only arguments of a codec, distribution or network as a pydantic model."""
    hints = typing.get_type_hints(part.__init__, include_extras=True)
    keywords = [p for p in inspect.signature(part).parameters.values() if p.kind is p.KEYWORD_ONLY]
    fields: dict[str, Any] = {"name": (Literal[part.name], ...)}
    fields |= {keyword.name: (hints[keyword.name], keyword.default) for keyword in keywords}
    return create_model(part.__name__, __base__=_Table, **fields)


def _check(model: type[T], table: str, values: Any, source: str) -> T:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in (table, *first["loc"]))
        if first["type"] == "extra_forbidden":
            wrong = f"is not a setting{nearest(str(first['loc'][-1]), model.model_fields)}"
        elif first["type"] == "value_error":
            wrong = first["msg"].removeprefix("Value error, ")
        else:
            wrong = f"= {first['input']!r}: {first['msg'].replace('Input should', 'should')}"
        raise UserError(f"{source}: {key} {wrong}") from error


def _apply(override: str, tables: dict[str, Any]) -> None:
    """Sets `table.key=value` in the recipe's tables."""
    path, equals, value = override.partition("=")
    table, dot, key = path.strip().partition(".")
    if not (equals and dot and table and key):
        raise UserError(f"--set {override}: write it as TABLE.KEY=VALUE, as in network.residual_channels=24")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):
        parsed = value.strip()
    section = tables.setdefault(table, {})
    if not isinstance(section, dict):
        raise UserError(f"--set {override}: {table} is not a table")
    if (table, key) in {("training", "steps"), ("training", "minutes")}:
        # Each says how long: the one on the command line takes the other's place.
        section.pop("minutes" if key == "steps" else "steps", None)
    section[key] = parsed


def check_same(given: Recipe, stored: Recipe, run: str) -> None:
    """Raises UserError if `given` asks for something else than a run's `stored` recipe; `minutes` it cannot tell."""
    decided = {"training.steps", "training.minutes", "training.validate_every", "training.threads"}
    a, b = _flat(given), _flat(stored)
    for key in [*a, *(b.keys() - a.keys())]:
        left_open = key == "training.minutes" or (key in decided and a[key] is None)
        if not left_open and a.get(key) != b.get(key):
            raise UserError(f"{run}: was started with {key} = {b.get(key)}, not {a.get(key)}; give another --run")


def _flat(recipe: Recipe) -> dict[str, Any]:
    tables = {**recipe.model, "training": dict(recipe.training), "sampling": dict(recipe.sampling)}
    return {f"{name}.{key}": value for name, table in tables.items() for key, value in table.items()}

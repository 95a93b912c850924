"""Checks tables of settings against typed models and gathers all problems."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, create_model
from pydantic_core import ErrorDetails

from wavegen.errors import UserError, closest, nearest
from wavegen.models.configs.base import Aliases, Part, Tables, keywords_of

ASSUMED = 0.7  # likeness from which a misspelt name is replaced by the likely one
MAX_SHOWN = 60  # characters of a value
# Errors that pydantic tells in terms of Python's types, by its names of them.
AS_IN_A_RECIPE = {
    "sequence_str": "should be a list, as in [1, 2]", "is_instance_of": "should be a list, as in [1, 2]",
    "too_short": "should hold at least {min_length}", "too_long": "should hold at most {max_length}",
    "bool_type": "should be true or false",
}  # fmt: skip


class Table(BaseModel):
    """A table of a recipe; keys and types are as given, nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


T = TypeVar("T", bound=Table)


class Problems:
    """The problems of some tables, a line each, in the order in which they are found.

    Args:
        source: start of each line.
        overrides: the TABLE.KEY=VALUE that set a (table, key), or (table, "") for a table that only overrides
            have; it starts the lines about these.
    """

    def __init__(self, source: str, overrides: Mapping[tuple[str, str], str] | None = None):
        self.source = source
        self.overrides = overrides or {}
        self.lines: list[str] = []
        self.parameters = {"overrides"}  # that lines may name

    def add(self, what: str, table: str = "", key: str = "") -> None:
        """Adds the problem `what` of a key, or of the table if `key` is empty."""
        override = self.overrides.get((table, key))
        self.lines.append(f"{self.source if override is None else f'`overrides` {shortened(override)}'}: {what}")

    def check(self) -> None:
        """Raises UserError with all problems, if there are any."""
        if self.lines:
            raise UserError(*self.lines, parameter=sorted(self.parameters))


class Draft:
    """Tables under repair: a misspelt name is reported once and then replaced by the likely one.

    Hence no wrong name makes other keys look missing. `written` has the user's name of a (table, key), `wrong` the
    tables with problems, `assumed` the parts whose kind is a guess.
    """

    def __init__(self, tables: Mapping[str, object], known: Iterable[str], of: str, problems: Problems):
        self.problems = problems
        self.tables: Tables = {}
        self.stray: dict[str, object] = {}  # values outside any table
        self.written: dict[tuple[str, str], tuple[str, str]] = {}
        self.wrong: set[str] = set()
        self.assumed: set[str] = set()
        known = set(known)
        unknown: list[str] = []
        for name, table in tables.items():
            if name not in known:
                unknown.append(name)
            elif isinstance(table, Mapping):
                self.tables[name] = dict(table)
            else:
                problems.add(f"{name} must be a table, [{name}]", name)
                self.tables[name] = {}
                self.wrong.add(name)
                self.written[name, ""] = (name, "")  # its keys are unknown
        for name in unknown:
            self._unknown_table(name, tables[name], known, of)

    def _unknown_table(self, name: str, table: object, known: set[str], of: str) -> None:
        if not isinstance(table, Mapping):
            self.stray[name] = table
            return
        self.problems.add(f"[{name}] is not a table of a recipe{of}{nearest(name, known)}", name)
        meant = closest(name, known, ASSUMED)
        if meant is not None and meant not in self.tables:
            self.tables[meant] = dict(table)
            self.written.update({(meant, key): (name, key) for key in table})

    def is_unreadable(self, table: str) -> bool:
        """Whether the value of that name is no table."""
        return (table, "") in self.written

    def part_meant(
        self, part: str, registry: Mapping[str, type[Part]], default: Mapping[str, object]
    ) -> type[Part] | None:
        """The class in the registry that a part's `name`, or the default's, means; None if that cannot be told."""
        table = self.tables.setdefault(part, {})
        for key in [key for key in table if "name" not in table and closest(key, ["name"], ASSUMED)]:
            self._misspelt(part, key, "name")
        if self.is_unreadable(part):
            return None
        name = table.setdefault("name", default.get("name"))
        if not isinstance(name, str) or name not in registry:
            self.wrong.add(part)
        if not isinstance(name, str):
            wrong = "is missing" if name is None else f"= {shown(name)} is not text"
            self.problems.add(f"{part}.name {wrong}{nearest('', registry)}", *self._written(part, "name"))
            return None
        if name not in registry:
            at = ".".join(self._written(part, "name"))
            self.problems.add(f"{at} = {shown(name)} is unknown{nearest(name, registry)}", *self._written(part, "name"))
            meant = closest(name, registry, ASSUMED)
            if meant is None:
                return None
            table["name"] = name = meant
            self.assumed.add(part)
        return registry[name]

    def place(self, models: Mapping[str, type[Table]]) -> None:
        """Keeps the keys of the models, each in its table; reports the others."""
        homes = {key: name for name, model in models.items() for key in model.model_fields if key != "name"}
        for key, value in self.stray.items():
            if key in homes:
                self.problems.add(f"{key} stands outside its table; write it below [{homes[key]}]", key)
                self._move(homes[key], key, value, (key, ""))
            else:
                self.problems.add(f"[{key}] is not a table of a recipe{nearest(key, models)}", key)
        for name, model in models.items():
            for key in [key for key in self.tables.get(name, {}) if key not in model.model_fields]:
                self._unknown_key(name, key, model, homes)

    def _unknown_key(self, name: str, key: str, model: type[Table], homes: Mapping[str, str]) -> None:
        meant = closest(key, model.model_fields, ASSUMED)
        if meant is not None:
            self._misspelt(name, key, meant)
            return
        if name in self.assumed:  # the key may be right for the part that is really meant
            self.tables[name].pop(key)
            return
        table, written = self._written(name, key)
        home = homes.get(key)
        known = [known for known in model.model_fields if known != "name"]
        wrong = "; leave it out"
        if home:
            wrong = f"; it belongs in [{home}]"
        elif known:
            wrong = nearest(key, known)
        self.wrong.add(name)
        self.problems.add(f"{table}.{written} is not a setting{wrong}", table, written)
        value = self.tables[name].pop(key)
        if home:
            self._move(home, key, value, (table, written))

    def _misspelt(self, name: str, key: str, meant: str) -> None:
        table, written = self._written(name, key)
        self.problems.add(f"{table}.{written} is not a setting; did you mean {meant}?", table, written)
        self._move(name, meant, self.tables[name].pop(key), (table, written))

    def _move(self, table: str, key: str, value: object, written: tuple[str, str]) -> None:
        self.wrong.add(table)
        if key not in self.tables.setdefault(table, {}):
            self.tables[table][key] = value
            self.written[table, key] = written

    def _written(self, table: str, key: str) -> tuple[str, str]:
        return self.written.get((table, key), (table, key))

    def check(self, model: type[T], table: str) -> T | None:
        """The checked table; None if it is wrong, and its problems are added."""
        try:
            return model.model_validate(self.tables.get(table, {}))
        except ValidationError as error:
            self.wrong.add(table)
            if self.is_unreadable(table):
                return None
            told = set[str]()
            for one in error.errors():
                first, *rest = [str(part) for part in one["loc"]] or [""]
                if first not in told:
                    told.add(first)
                    self._wrong_value(model, table, first, rest, one)
            return None

    def _wrong_value(self, model: type[Table], table: str, key: str, rest: list[str], error: ErrorDetails) -> None:
        if error["type"] == "value_error":
            self.problems.add(f"{table}: {error['msg'].removeprefix('Value error, ')}", table, key)
            return
        written = self._written(table, key)
        at = ".".join([part for part in written if part] + rest)
        if error["type"] == "literal_error":
            field = model.model_fields[key]
            choices = [str(choice) for choice in typing.get_args(field.annotation) if choice]
            choices += [name for each in field.metadata if isinstance(each, Aliases) for name in each.names]
            self.problems.add(
                f"{at} = {shown(error['input'])} is unknown{nearest(str(error['input']), choices)}", *written
            )
            return
        should = error["msg"].removeprefix("Input ").removeprefix("String ")
        if error["type"] in AS_IN_A_RECIPE:
            should = AS_IN_A_RECIPE[error["type"]].format(**error.get("ctx", {}))
        self.problems.add(f"{at} = {shown(error['input'])}: {should}", *written)


@cache
def settings_model(part: type[Part]) -> type[Table]:
    """The keyword-only arguments of a codec, distribution or network as a pydantic model."""
    hints = typing.get_type_hints(part.__init__, include_extras=True)
    fields: dict[str, Any] = {"name": (Literal[part.name], ...)}
    fields |= {keyword.name: (_resolving(hints[keyword.name]), keyword.default) for keyword in keywords_of(part)}
    return create_model(part.__name__, __base__=Table, **fields)


def _resolving(hint: Any) -> Any:
    """The type of a setting, which takes the aliases that it is marked with."""
    for each in getattr(hint, "__metadata__", ()):
        if isinstance(each, Aliases):
            hint = Annotated[hint, BeforeValidator(each.resolved)]
    return hint


def shown(value: object) -> str:
    """A value as Python writes it, shortened."""
    try:
        return shortened(repr(value))
    except (ValueError, RecursionError):  # an integer of thousands of digits, a list a thousand deep
        return "(too large to be shown)"


def shortened(text: str) -> str:
    """The text, cut to MAX_SHOWN characters."""
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"

"""Checks the settings in a model file's header by the annotations of its parts, without pydantic.

It says yes or no. What is wrong, and what would be right, `wavegen.models.parts` says, which knows all of a recipe.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from annotated_types import Ge, Le, MaxLen, MinLen, MultipleOf

from wavegen.models.codecs import CODECS
from wavegen.models.configs.audio import AUDIO_PARTS
from wavegen.models.configs.base import keywords_of
from wavegen.models.configs.distributions import DISTRIBUTION_CONFIGS, MOST_CATEGORIES

OPTIONAL = ("predictor",)


def checked_audio(tables: Mapping[str, Any]) -> dict[str, dict[str, Any]] | None:
    """The tables of a model of audio with their defaults filled in; None if anything in them is not as it should be."""
    found = {}
    for part, registry in AUDIO_PARTS.items():
        if part in tables:
            if (table := _checked(tables[part], registry)) is None:
                return None
            found[part] = table
        elif part not in OPTIONAL:
            return None
    return found if _go_together(found) else None


def _checked(table: Any, registry: Mapping[str, type]) -> dict[str, Any] | None:
    """A table by the annotations of the part that it names."""
    name = table.get("name") if isinstance(table, dict) else None
    if not isinstance(name, str) or name not in registry:
        return None
    part = registry[name]
    keywords = keywords_of(part)
    if not table.keys() <= {"name", *(keyword.name for keyword in keywords)}:
        return None
    hints = typing.get_type_hints(part.__init__, include_extras=True)
    whole = {keyword.name: table.get(keyword.name, keyword.default) for keyword in keywords}
    if not all(fits(whole[keyword.name], hints[keyword.name]) for keyword in keywords):
        return None
    return {"name": name, **{key: list(value) if isinstance(value, tuple) else value for key, value in whole.items()}}


def fits(value: Any, annotation: Any) -> bool:
    """Whether a value is of an annotated type: an integer within its range, or a sequence of such.

    Anything that this does not know, a type or a condition, does not fit.
    """
    if typing.get_origin(annotation) is Annotated:
        kind, *conditions = typing.get_args(annotation)
        return fits(value, kind) and all(_holds(value, condition) for condition in conditions)
    if typing.get_origin(annotation) is Sequence:
        (item,) = typing.get_args(annotation)
        return isinstance(value, list | tuple) and all(fits(each, item) for each in value)
    return annotation is int and type(value) is int


def _holds(value: Any, condition: Any) -> bool:
    match condition:
        case Ge(ge=least):
            return value >= least
        case Le(le=most):
            return value <= most
        case MultipleOf(multiple_of=divisor):
            return value % divisor == 0
        case MinLen(min_length=least):
            return len(value) >= least
        case MaxLen(max_length=most):
            return len(value) <= most
    return False


def _go_together(tables: Mapping[str, dict[str, Any]]) -> bool:
    """Whether the distribution takes the codec's symbols, and a predictor's location if there is one."""
    if DISTRIBUTION_CONFIGS[tables["distribution"]["name"]].takes_location:
        return True
    codec = dict(tables["codec"])
    return "predictor" not in tables and CODECS[codec.pop("name")](**codec).num_symbols <= MOST_CATEGORIES

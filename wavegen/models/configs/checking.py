"""Checks the settings in a model file's header by the annotations of its parts, without pydantic.

The answer is yes or no; `wavegen.models.parts` finds what is wrong, and what would be right.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, MaxLen, MinLen, MultipleOf

from wavegen.models.codecs import CODECS
from wavegen.models.configs.audio import AUDIO_PARTS
from wavegen.models.configs.base import Aliases, Part, Tables, keywords_of, part_of
from wavegen.models.configs.conditioning import contradictions
from wavegen.models.configs.distributions import DISTRIBUTION_CONFIGS, MAX_CATEGORIES
from wavegen.models.configs.predictors import PREDICTOR_CONFIGS

OPTIONAL = ("predictor", "conditioning")


def checked_audio(tables: Mapping[str, object]) -> Tables | None:
    """The tables of a model of audio with their defaults filled in; None if anything in them is not as it should be."""
    found: Tables = {}
    for part, registry in AUDIO_PARTS.items():
        if part in tables:
            if (table := _checked(tables[part], registry)) is None:
                return None
            found[part] = table
        elif part not in OPTIONAL:
            return None
    return found if _go_together(found) else None


def _checked(table: object, registry: Mapping[str, type[Part]]) -> dict[str, object] | None:
    """A table by the annotations of the part that it names."""
    if not isinstance(table, dict):
        return None
    name = table.get("name")
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


def fits(value: object, annotation: object) -> bool:
    """Whether a value is of an annotated type: an integer within its range, true or false, text, or a sequence of such.

    A type or condition that is unknown here does not fit.
    """
    if typing.get_origin(annotation) is Annotated:
        kind, *conditions = typing.get_args(annotation)
        return fits(value, kind) and all(_holds(value, condition) for condition in conditions)
    if typing.get_origin(annotation) is Sequence:
        (item,) = typing.get_args(annotation)
        return isinstance(value, list | tuple) and all(fits(each, item) for each in value)
    if typing.get_origin(annotation) is Literal:
        return type(value) is str and value in typing.get_args(annotation)
    if annotation is str:
        return type(value) is str and not any("\ud800" <= character <= "\udfff" for character in value)
    return annotation in (int, bool) and type(value) is annotation


def _holds(value: Any, condition: object) -> bool:
    """Whether a value of the right type meets a condition of its annotation."""
    match condition:
        case Ge(ge=low):
            return value >= low
        case Le(le=high):
            return value <= high
        case MultipleOf(multiple_of=divisor):
            return value % divisor == 0
        case MinLen(min_length=low):
            return len(value) >= low
        case MaxLen(max_length=high):
            return len(value) <= high
        case Aliases():
            return True
    return False


def _go_together(tables: Tables) -> bool:
    """Whether the distribution takes the codec's symbols and a predictor's location, which has what it needs."""
    if "conditioning" in tables and any(True for _ in contradictions(tables["conditioning"])):
        return False
    has_mel = bool(tables.get("conditioning", {}).get("mel"))
    if "predictor" in tables and PREDICTOR_CONFIGS[str(tables["predictor"]["name"])].needs_mel and not has_mel:
        return False
    if DISTRIBUTION_CONFIGS[str(tables["distribution"]["name"])].takes_location:
        return True
    return "predictor" not in tables and part_of(tables, "codec", CODECS).num_symbols <= MAX_CATEGORIES

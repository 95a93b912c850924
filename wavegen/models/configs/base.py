"""Parts of a model by name and settings: the keyword-only arguments that make a part are its settings."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

Settings = Mapping[str, Mapping[str, Any]]  # tables by the part's kind: "codec", "network" …


def part_of(settings: Settings, table: str, registry: Mapping[str, Any], *args: Any) -> Any:
    """The part that a table of settings names, made with `args` and its other keys."""
    keywords = dict(settings[table])
    return registry[keywords.pop("name")](*args, **keywords)


def settings_of(part: Any) -> dict[str, Any]:
    """The name of a part and the keyword-only arguments it was made with."""
    return {"name": part.name, **{keyword.name: getattr(part, keyword.name) for keyword in keywords_of(type(part))}}


def keywords_of(part: type) -> list[inspect.Parameter]:
    """The keyword-only arguments of a part: its settings, with their defaults."""
    parameters = inspect.signature(part).parameters.values()
    return [keyword for keyword in parameters if keyword.kind is keyword.KEYWORD_ONLY]

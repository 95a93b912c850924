"""Parts of a model by name and settings: the keyword-only arguments that make a part are its settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeAlias, TypeVar

Tables: TypeAlias = dict[str, dict[str, object]]  # settings by the part's kind: "codec", "network" …
Settings: TypeAlias = Mapping[str, Mapping[str, object]]  # the same, read only

T = TypeVar("T")


@dataclass(frozen=True)
class Aliases:
    """Marks the type of a setting whose values have other names, which recipes may use and no file has."""

    names: Mapping[str, str]

    def resolved(self, value: object) -> object:
        """The value that is meant."""
        return self.names.get(value, value) if isinstance(value, str) else value


class Part(Protocol):
    """A part of a model, or its config."""

    name: ClassVar[str]


def part_of(settings: Settings, table: str, registry: Mapping[str, Callable[..., T]], *args: object) -> T:
    """Makes the part that a table of settings names, with `args` and its other keys.

    Raises KeyError for an unknown name and TypeError for an unknown key.
    """
    keywords = dict(settings[table])
    return registry[str(keywords.pop("name"))](*args, **keywords)


def settings_of(part: Part) -> dict[str, object]:
    """The name of a part and the keyword-only arguments it was made with."""
    return {"name": part.name, **keywords_given(part)}


def keywords_given(part: object) -> dict[str, object]:
    """The keyword-only arguments that a part was made with."""
    return {keyword.name: getattr(part, keyword.name) for keyword in keywords_of(type(part))}


def keywords_of(part: type) -> list[inspect.Parameter]:
    """The keyword-only arguments of a part: its settings, with their defaults."""
    parameters = inspect.signature(part).parameters.values()
    return [keyword for keyword in parameters if keyword.kind is keyword.KEYWORD_ONLY]

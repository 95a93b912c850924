"""Types of data read from JSON or written to it."""

from __future__ import annotations

from typing import TypeAlias, Union

JsonValue: TypeAlias = Union[bool, int, float, str, "list[JsonValue]", "Json", None]
"""Any value that JSON can hold."""

Json: TypeAlias = dict[str, JsonValue]
"""An object of JSON, before its keys and their types have been checked."""

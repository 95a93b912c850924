"""Reads TOML files and overrides of single keys, with all their problems."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from wavegen.models.settings import Problems, shortened
from wavegen.system.text import read_text

HINTS = {  # by what tomllib says
    "Cannot overwrite": "the key is given twice; keep one",
    "Cannot declare": "the table is given twice; write its keys below one of them",
    "Invalid value": "text stands in quotes, numbers, true and false do not",
    "Invalid statement": "a line is [TABLE], KEY = VALUE or # COMMENT",
    "Unescaped": r"write \\ for a backslash, or / in a path",
}
Overrides: TypeAlias = dict[tuple[str, str], str]  # the override of each (table, key)
EXCLUSIVE = {("training", "steps"): "minutes", ("training", "minutes"): "steps"}  # keys of which one is given


def read_toml(path: str | Path) -> tuple[dict[str, object] | None, Problems]:
    """The tables of a TOML file, None if it is not TOML, and its problems. Raises UserError if it cannot be read."""
    problems = Problems(str(path))
    text = read_text(path)
    try:
        return tomllib.loads(text + "\n"), problems  # tomllib gives no line number for a last line without an end
    except (ValueError, RecursionError) as error:  # wrong syntax, endless numbers or brackets
        problems.add(_not_toml(" ".join(str(error).split()), text))
        return None, problems


def _not_toml(reason: str, text: str) -> str:
    hint = next((f"; {hint}" for start, hint in HINTS.items() if reason.startswith(start)), "")
    if (found := re.fullmatch(r"(.*) \(at line (\d+), column \d+\)", reason)) is None:
        return f"not TOML: {reason}{hint}"
    line = text.split("\n")[int(found[2]) - 1].strip()
    return f"not TOML: line {found[2]}, {shortened(line)!r}: {found[1]}{hint}"


def apply_overrides(
    overrides: Iterable[str], tables: dict[str, object], problems: Problems
) -> dict[tuple[str, str], str]:
    """Sets each `table.key=value` in the tables.

    Args:
        overrides: the value as TOML, or else a string.
        tables: to change.
        problems: to add to.

    Returns the override of each (table, key), as `Problems` takes them.
    """
    set_by: Overrides = {}
    for override in overrides:
        path, equals, value = override.partition("=")
        table, dot, key = (part.strip() for part in path.partition("."))
        said = f"`overrides` {shortened(override)}"
        if not (equals and dot and table and key):
            problems.lines.append(f"{said}: write it as TABLE.KEY=VALUE, as in network.residual_channels=24")
        elif (table, key) in set_by:
            problems.lines.append(
                f"{said}: {table}.{key} is set twice, by `overrides` {shortened(set_by[table, key])} too"
            )
        else:
            if table not in tables:
                set_by[table, ""] = override
            section = tables.setdefault(table, {})
            set_by[table, key] = override
            if isinstance(section, dict):  # else its problem is the file's
                _set(section, table, key, value, set_by)
    return set_by


def _set(section: dict[str, object], table: str, key: str, value: str, set_by: Overrides) -> None:
    try:
        section[key] = tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):
        section[key] = value.strip()
    other = EXCLUSIVE.get((table, key))
    if other is not None and (table, other) not in set_by:  # the override replaces the key in the file
        section.pop(other, None)

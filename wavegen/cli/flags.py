"""Replaces parameters in messages of the library by flags: `cut=10` becomes --cut 10."""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Container, Iterator, Mapping

from wavegen.errors import UserError

Flags = Mapping[str, str]  # by parameter
_PARAMETER = re.compile(r"""`(\w+)(?:=('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^`'"]+))?`""")
_SENTENCES = ("advice", "reason", "warnings", "why")  # keys of results


def in_flags(text: str, flags: Flags, parameters: Container[str] | None = None) -> str:
    """The text with flags for parameters that stand in backticks in it, alone or with a value.

    A value True needs no word after its flag, a string no quotes.

    >>> in_flags("give `force=True`, `split_by='time'` or `cut=10`", {"force": "--force", "split_by": "--split-by"})
    'give --force, --split-by time or `cut=10`'

    Args:
        text: a sentence of the library.
        flags: the flag of each parameter.
        parameters: those to replace; by default all that have flags.
    """

    def flag(found: re.Match[str]) -> str:
        name, value = found[1], found[2]
        if name not in flags or (parameters is not None and name not in parameters):
            return found[0]
        if value is None or value == "True":
            return flags[name]
        quoted = value[0] in "'\""
        return f"{flags[name]} {ast.literal_eval(value) if quoted else value}"

    return _PARAMETER.sub(flag, text)


def result_in_flags(result: Mapping[str, object], flags: Flags) -> dict[str, object]:
    """The result of a command with flags in its sentences; names of files and models stay."""
    return {key: _value_in_flags(key, value, flags) for key, value in result.items()}


def _value_in_flags(key: str, value: object, flags: Flags) -> object:
    if isinstance(value, Mapping):
        return result_in_flags(value, flags)
    if isinstance(value, list) and value and isinstance(value[0], dict | str):  # not the numbers of a long recording
        return [_value_in_flags(key, each, flags) for each in value]
    return in_flags(value, flags) if key in _SENTENCES and isinstance(value, str) else value


@contextlib.contextmanager
def errors_in_flags(flags: Flags) -> Iterator[None]:
    """Puts flags into the text of a UserError that the block raises, for the parameters that it says it names."""
    try:
        yield
    except UserError as error:
        error.args = tuple(in_flags(problem, flags, error.parameters) for problem in error.problems)
        raise

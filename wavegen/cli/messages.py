"""Replaces parameters in messages of the library by flags: `cut=10` becomes --cut 10."""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Container, Iterator, Mapping

from wavegen.errors import UserError

Flags = Mapping[str, str]  # by parameter
_PARAMETER = re.compile(r"""`(\w+)(?:=('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^`'"]+))?`""")
SENTENCES = ("give `resample=True` to convert it",)  # of the library, in the warnings and reasons of results
_KEYS = ("reason", "warnings")  # of results


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
        if value[0] not in "'\"":
            return f"{flags[name]} {value}"
        try:
            return f"{flags[name]} {ast.literal_eval(value)}"
        except SyntaxError:  # of a file's name, whose backslashes mean nothing
            return found[0]

    return _PARAMETER.sub(flag, text)


def sentences_in_flags(text: str, flags: Flags) -> str:
    """The text with flags in the sentences of `SENTENCES`; all else stays, names of files above all."""
    for sentence in SENTENCES:
        text = text.replace(sentence, in_flags(sentence, flags))
    return text


def result_in_flags(result: Mapping[str, object], flags: Flags) -> dict[str, object]:
    """The result of a command with flags in the sentences of its `reason` and `warnings`."""
    return {key: _value_in_flags(key, value, flags) for key, value in result.items()}


def _value_in_flags(key: str, value: object, flags: Flags) -> object:
    if isinstance(value, Mapping):
        return result_in_flags(value, flags)
    if isinstance(value, list) and value and isinstance(value[0], dict | str):  # not the numbers of a long recording
        return [_value_in_flags(key, each, flags) for each in value]
    return sentences_in_flags(value, flags) if key in _KEYS and isinstance(value, str) else value


@contextlib.contextmanager
def errors_in_flags(flags: Flags) -> Iterator[None]:
    """Puts flags into the text of a UserError that the block raises, for the parameters that it says it names."""
    try:
        yield
    except UserError as error:
        error.args = tuple(in_flags(problem, flags, error.parameters) for problem in error.problems)
        raise

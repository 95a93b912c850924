"""Types of arguments: check and convert text of the command line, with a message for argparse if it is wrong."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

MAX_NUMBER = 1e9  # seconds, minutes, bits: beyond it is a slip
T = TypeVar("T", int, float)


def name(text: str) -> str:
    """A name; an empty one comes of a shell variable that is not set, and does not mean the working folder."""
    if not text:
        raise argparse.ArgumentTypeError("is empty; name a file or folder, . is the one you are in")
    return text


def path(text: str) -> Path:
    return Path(name(text))


def above_zero(text: str) -> float:
    return _number(text, float, f"a number above zero, at most {MAX_NUMBER:g}", lambda value: 0 < value <= MAX_NUMBER)


def share(text: str) -> float:
    return _number(text, float, "a number above 0, at most 1", lambda value: 0 < value <= 1)


def at_least_one(text: str) -> int:
    return _number(text, int, "a whole number from 1 on", lambda value: value >= 1)


def at_least_zero(text: str) -> int:
    return _number(text, int, "a whole number from 0 on", lambda value: value >= 0)


def seed(text: str) -> int:
    return _number(text, int, "a whole number from 0 to 2^64 - 1", lambda value: 0 <= value < 2**64)


def _number(text: str, kind: Callable[[str], T], wanted: str, fits: Callable[[T], bool]) -> T:
    try:
        if fits(value := kind(text)):
            return value
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text} is not {wanted}")

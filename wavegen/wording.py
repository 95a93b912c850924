"""Wording of lists and sizes in messages."""

from __future__ import annotations

from collections.abc import Sequence

MAX_NAME_LENGTH = 160  # characters
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
_BUT_LINES = {code: text for code, text in _CONTROLS.items() if code != ord("\n")}


def visible(text: str, lines: bool = False) -> str:
    """The text with control characters, as a file's name may hold, spelt out: a terminal would obey them.

    >>> print(visible("red\x1b[31m.wav"))
    red\x1b[31m.wav

    Args:
        text: any.
        lines: it consists of lines, whose ends stay.
    """
    return text.translate(_BUT_LINES if lines else _CONTROLS)


def listed(names: Sequence[str], limit: int = 3) -> str:
    """The first `limit` names and the number of the others; a very long name is cut at its start.

    >>> listed(["a.wav", "b.wav"])
    'a.wav, b.wav'
    >>> listed([f"{n}.wav" for n in range(3000)])
    '0.wav, 1.wav, 2.wav and 2997 more'
    """
    shown = ", ".join(shortened(name) for name in names[:limit])
    return f"{shown} and {len(names) - limit} more" if len(names) > limit else shown


def shortened(name: str) -> str:
    """The name, control characters spelt out, or … and its end if it is longer than MAX_NAME_LENGTH."""
    name = visible(name)
    return name if len(name) <= MAX_NAME_LENGTH else f"…{name[1 - MAX_NAME_LENGTH :]}"


def counted(number: int, noun: str) -> str:
    """A number and its noun, which takes an s in the plural.

    >>> counted(1, "file"), counted(3, "file")
    ('1 file', '3 files')
    """
    return f"{number} {noun}{'s' * (number != 1)}"


def amount(size: float) -> str:
    """A number of bytes in a unit that fits it.

    >>> amount(1), amount(4096), amount(2.5e6), amount(12e9)
    ('1 byte', '4.1 kB', '2.5 MB', '12,000.0 MB')
    """
    if size < 1000:
        return counted(int(size), "byte")
    return f"{size / 1e3:,.1f} kB" if size < 1e6 else f"{size / 1e6:,.1f} MB"

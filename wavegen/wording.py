"""Long lists and sizes in sentences: the first few and a count, bytes in the unit that fits them."""

from __future__ import annotations

from collections.abc import Sequence

LONGEST_NAME = 160  # characters


def listed(names: Sequence[str], most: int = 3) -> str:
    """The first `most` names and how many more there are; the end of a very long name is what is kept of it.

    >>> listed(["a.wav", "b.wav"])
    'a.wav, b.wav'
    >>> listed([f"{n}.wav" for n in range(3000)])
    '0.wav, 1.wav, 2.wav and 2997 more'
    """
    shown = ", ".join(shortened(name) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def shortened(name: str) -> str:
    """`name`, or … and its end if it is very long."""
    return name if len(name) <= LONGEST_NAME else f"…{name[1 - LONGEST_NAME :]}"


def counted(number: int, noun: str) -> str:
    """
    >>> counted(1, "file"), counted(3, "file")
    ('1 file', '3 files')
    """
    return f"{number} {noun}{'s' * (number != 1)}"


def amount(size: float) -> str:
    """So many bytes, for people to read.

    >>> amount(1), amount(4096), amount(2.5e6), amount(12e9)
    ('1 byte', '4.1 kB', '2.5 MB', '12,000.0 MB')
    """
    if size < 1000:
        return counted(int(size), "byte")
    return f"{size / 1e3:,.1f} kB" if size < 1e6 else f"{size / 1e6:,.1f} MB"

"""Names of recordings in one Unicode form: macOS hands out é as two characters, other systems mostly as one."""

from __future__ import annotations

import unicodedata

JUNK = frozenset(("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"))  # of file managers


def is_junk(name: str) -> bool:
    """Whether a file of this name is a file manager's own, of which nobody wants to hear; hidden ones are too."""
    return name.startswith(".") or name.lower() in JUNK


def composed(name: str) -> str:
    """`name` in normal form C (Unicode Standard Annex 15), in which letter and accent are one character.

    Bytes that are not UTF-8 (surrogate escapes) stay as they are. Names that look alike but are not canonically
    equivalent, as Latin a and Cyrillic а, or A and a, stay different.
    """
    return unicodedata.normalize("NFC", name)


def order(name: str) -> tuple[str, str]:
    """A key that sorts names alike in whatever normal form a file system keeps them."""
    return composed(name), name

"""Text files that a person wrote: recipes and the lists and transcripts of corpora, in UTF-8."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from wavegen.errors import UserError, unreadable

# Longest first: the mark of UTF-32 begins with that of UTF-16.
MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
BINARY = bytes(range(1, 7)) + bytes(range(14, 27)) + bytes(range(28, 32))  # control codes that no text holds
C1 = bytes(range(0x80, 0xA0))  # letters and quotation marks in cp1252, unused in Latin-1
MOSTLY, SPACES = 0.9, 0.1  # shares of characters: those of Latin letters, and those of spaces in any alphabet
NO_TEXT = "is not text; name a text file"
MAX_SHOWN = 24  # bytes of a word that is quoted


def read_text(path: str | Path) -> str:
    """The text of a UTF-8 file, with or without a byte order mark; every line ends in a line feed alone.

    Raises UserError that names the file and what it holds instead: another encoding, with the line, zero bytes, or
    no text at all.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error
    data = data.removeprefix(codecs.BOM_UTF8)
    if (wrong := _not_utf8(data)) is not None:
        raise UserError(f"{path}{'' if wrong.startswith(', ') else ': '}{wrong}")
    return data.decode().replace("\r\n", "\n").replace("\r", "\n")


def read_lines(path: str | Path) -> list[str]:
    """The lines of `read_text`, without their ends; only line feeds and carriage returns end one."""
    return read_text(path).rstrip("\n").split("\n")


def _not_utf8(data: bytes) -> str | None:
    """The problem with bytes that should be UTF-8 text, and its cure; None if there is none."""
    for mark, name in MARKS.items():
        if data.startswith(mark):
            return f"is {name}; save it as UTF-8"
    if b"\0" in data:
        return _with_zeros(data)
    if data.translate(None, BINARY) != data:
        return NO_TEXT
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return _not_utf8_from(error)
    return None


def _with_zeros(data: bytes) -> str:
    """Of UTF-16 and UTF-32 without a mark, spaces and Latin letters have their zeros at the same places."""
    first, second, third, fourth = (data[offset::4].count(0) / max(1, len(data[offset::4])) for offset in range(4))
    if min(second, third, fourth) > MOSTLY > first or min(first, second, third) > MOSTLY > fourth:
        return "is UTF-32 without a byte order mark; save it as UTF-8"
    if b"\0\0" not in data and max(first + third, second + fourth) / 2 > SPACES and not (first and second):
        return "is UTF-16 without a byte order mark; save it as UTF-8"
    if data.translate(None, BINARY) != data:
        return NO_TEXT
    return f"{_line(data, data.index(0))}: holds zero bytes; the file is damaged or not text, write it again"


def _not_utf8_from(error: UnicodeDecodeError) -> str:
    """Names the encoding of text that is not UTF-8 from a byte on, as far as its bytes tell."""
    data = error.object
    line = _line(error.object, error.start)
    if not data[: error.start].isascii():
        if error.reason == "unexpected end of data":
            return f"{line}: ends within a character; the file is cut short, copy it again"
        return f"{line}: is not UTF-8, while what stands before it is; save all of it as UTF-8"
    try:
        data.decode("cp1252")
    except UnicodeDecodeError:
        return f"{line}: is not UTF-8, nor cp1252; save it as UTF-8"
    word = _word(data, error.start)
    if sum(byte > 127 for byte in word) > len(word) / 2:
        return f"{line}: is not UTF-8 (as cp1252 it reads “{word.decode('cp1252')}”); save it as UTF-8"
    name = "cp1252" if data.translate(None, C1) != data else "Latin-1 or cp1252"
    return f"{line}: is not UTF-8, it looks like {name} (“{word.decode('cp1252')}”); save it as UTF-8"


def _line(data: bytes, offset: int) -> str:
    """`, line N`, of the byte at `offset`."""
    before = data[:offset].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return f", line {before.count(10) + 1}"


def _word(data: bytes, offset: int) -> bytes:
    """The word around the byte at `offset`, by which a reader can judge the guess."""
    parts = re.finditer(rb"[^\s|]+", data)
    word = next(part for part in parts if part.end() > offset)
    start = max(word.start(), offset - MAX_SHOWN // 2)
    return data[start : min(word.end(), start + MAX_SHOWN)]

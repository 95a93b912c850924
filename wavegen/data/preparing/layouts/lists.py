"""The list of a corpus in LJSpeech's manner: NAME|TEXT or NAME|TEXT|NORMALISED TEXT, a recording a line."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from wavegen.audio import files as audio_files
from wavegen.errors import UserError
from wavegen.system.text import read_lines

HEADERS = {
    "audio", "audio_file", "audio_path", "file", "file_name", "filename", "id", "name", "path", "utt_id", "utterance",
    "wav", "wav_file", "wav_filename",
}  # fmt: skip
SEPARATORS = {"\t": "tabs", ";": "semicolons", ",": "commas"}
MAX_COLUMNS = 3


class Row(NamedTuple):
    """A line of the list: its number, the recording's name without folder and suffix, the suffix, and the text."""

    line: int
    name: str
    suffix: str
    text: str | None


def plain_name(name: str, folder: str) -> tuple[str, str]:
    """A recording's name below `folder`, in NFC, and the suffix, if that is one of audio: `wavs\\a.WAV` is `a`."""
    path = unicodedata.normalize("NFC", name.strip()).replace("\\", "/").removeprefix("./")
    path = path.rpartition(f"/{folder}/")[2].removeprefix(f"{folder}/")
    suffix = PurePosixPath(path).suffix
    return (path[: -len(suffix)], suffix) if suffix.lower() in audio_files.SUFFIXES else (path, "")


def read_list(file: Path, folder: str, is_there: Callable[[str], bool]) -> list[Row]:
    """The rows of a list of recordings in `folder`; `is_there` tells whether there is a recording of that name.

    A line of headings is left out. Raises UserError, with all that is wrong, for lines of other columns and for names
    that are listed twice.
    """
    rows: dict[str, Row] = {}
    problems: list[str] = []
    lines = [(number, line) for number, line in enumerate(read_lines(file), start=1) if line.strip()]
    if not any("|" in line or is_there(plain_name(line, folder)[0]) for _, line in lines):
        raise UserError(f"{file}: {_without_bars([line for _, line in lines])}")
    for position, (number, line) in enumerate(lines):
        fields = _fields(line)
        name, suffix = plain_name(fields[0], folder)
        if not position and name.casefold() in HEADERS and not is_there(name):
            continue
        row = Row(number, name, suffix, _text(fields))
        if (wrong := _wrong(fields, name, is_there)) is not None:
            problems.append(f"{file}, line {number}: {wrong}")
        elif name in rows:
            problems.append(f"{file}: {_twice(rows[name], row)}")
        else:
            rows[name] = row
    if problems:
        raise UserError(*problems)
    return list(rows.values())


def _without_bars(lines: list[str]) -> str:
    """The problem with lines that have neither a | nor a name alone."""
    for separator, name in SEPARATORS.items():
        if sum(separator in line for line in lines) > len(lines) / 2:
            return f"its columns are separated by {name}; separate them by |, as in NAME|TEXT"
    return "no line has a | between name and text" if lines else "is empty; write NAME|TEXT for each recording"


def _fields(line: str) -> list[str]:
    """The columns of a line; where its first is quoted, as a spreadsheet writes them, they all are read as quoted."""
    if line.lstrip().startswith('"'):
        try:
            return next(csv.reader([line.lstrip()], delimiter="|", strict=True))
        except csv.Error:
            pass
    return line.split("|")


def _text(fields: list[str]) -> str | None:
    """The last column that says something: numbers and abbreviations are written out there."""
    return next((field.strip() for field in reversed(fields[1:]) if field.strip()), None)


def _wrong(fields: list[str], name: str, is_there: Callable[[str], bool]) -> str | None:
    if not name:
        return "has no name before the first |; write NAME|TEXT"
    if len(fields) > MAX_COLUMNS:
        return f"has {len(fields)} columns, and 2 or 3 are read; write NAME|TEXT or NAME|TEXT|NORMALISED"
    if len(fields) == 1 and not is_there(name):
        return "has no | between name and text; write NAME|TEXT"
    return None


def _twice(first: Row, second: Row) -> str:
    cure = "the same text; remove one" if first.text == second.text else "two texts; keep one"
    return f"{first.name} is listed twice, in lines {first.line} and {second.line}, with {cure}"


def recordings_by_name(folder: Path) -> dict[str, list[Path]]:
    """The audio files in a folder and below by their names as `plain_name` gives them; raises UserError."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; the recordings that the list names lie there")
    found: dict[str, list[Path]] = {}
    for path in audio_files.walk(folder):
        found.setdefault(plain_name(path.relative_to(folder).as_posix(), folder.name)[0], []).append(path)
    return found


def listed_files(rows: list[Row], files: dict[str, list[Path]], file: Path) -> Iterator[tuple[Row, list[Path]]]:
    """Each row with its files: those of its suffix if there are any, else all of its name.

    Raises UserError if none of several rows has a file, since then it is the names that do not fit.
    """
    if len(rows) > 1 and files and not any(row.name in files for row in rows):
        given = rows[0].name
        there = next(iter(files))
        raise UserError(
            f"{file}: names none of the {len(files)} recordings; it says {given!r} where they are {there!r}"
        )
    for row in rows:
        there = files.get(row.name, [])
        yield row, [path for path in there if path.suffix == row.suffix] or there

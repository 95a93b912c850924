"""LJSpeech 1.1: one woman reads seven books, 24 hours in stretches of up to ten seconds; also data laid out like it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from wavegen.audio.names import order
from wavegen.data.preparing.layouts.base import OWN, Count, Layout, Listed, root_of
from wavegen.data.preparing.layouts.lists import listed_files, read_list, recordings_by_name
from wavegen.data.splits import speaker_of

LIST, RECORDINGS = "metadata.csv", "wavs"
OFFICIAL_NAME = re.compile(r"LJ\d{3}-\d{4}\.wav")


def recordings(folder: Path) -> Iterator[Listed]:
    """wavs/LJ001-0001.wav, and metadata.csv: name|as printed|with numbers and abbreviations written out.

    Names with a suffix or a folder, other formats and folders below wavs are as good.
    """
    root = root_of(folder, LIST, "LJSpeech-1.1")
    files = recordings_by_name(root / RECORDINGS)
    rows = read_list(root / LIST, RECORDINGS, files.__contains__)
    found = [_listed(root, path, None) for name in files.keys() - {row.name for row in rows} for path in files[name]]
    for row, paths in listed_files(rows, files, root / LIST):
        missing = root / RECORDINGS / f"{row.name}{row.suffix or '.wav'}"
        found += [_listed(root, path, row.text) for path in paths or [missing]]
    yield from sorted(found, key=lambda one: order(one.id))


def _listed(root: Path, path: Path, text: str | None) -> Listed:
    recording_id = path.relative_to(root / RECORDINGS).as_posix()
    if OFFICIAL_NAME.fullmatch(recording_id):
        return Listed(recording_id, path, None, "LJ", text)
    return Listed(recording_id, path, None, speaker_of(recording_id), text, OWN)


def download(folder: Path) -> None:
    from torchaudio.datasets import LJSPEECH

    LJSPEECH(str(folder), download=True)


LJSPEECH = Layout("ljspeech", 22050, "file", recordings, download, {"all": Count(13100, 1)})

"""LJSpeech 1.1: one woman reads seven books, 24 hours in stretches of up to ten seconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wavegen.data.layouts.base import Count, Layout, Listed, lines_of, names_in, root_of


def recordings(folder: Path) -> Iterator[Listed]:
    """wavs/LJ001-0001.wav, and metadata.csv: name|as printed|with numbers and abbreviations written out."""
    root = root_of(folder, "metadata.csv", "LJSpeech-1.1")
    rows = [line.split("|") for line in lines_of(root / "metadata.csv")]
    said = {row[0]: row[-1] for row in rows if row[0]}
    there = {name.removesuffix(".wav") for name in names_in(root / "wavs", ".wav")}
    for name in sorted(there | set(said)):
        yield Listed(f"{name}.wav", root / "wavs" / f"{name}.wav", None, "LJ", said.get(name))


def download(folder: Path) -> None:
    from torchaudio.datasets import LJSPEECH

    LJSPEECH(str(folder), download=True)


LJSPEECH = Layout("ljspeech", 22050, "file", recordings, download, {"all": Count(13100, 1)})

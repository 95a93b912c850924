"""VCTK 0.92: 110 English speakers of many accents; of the two microphones the first, which every speaker has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wavegen.data.preparing.layouts.base import Count, Layout, Listed, names_in, root_of, text_of

AUDIO, MICROPHONE = "wav48_silence_trimmed", "_mic1.flac"


def recordings(folder: Path) -> Iterator[Listed]:
    """wav48_silence_trimmed/p225/p225_001_mic1.flac and txt/p225/p225_001.txt; the texts of p315 were lost."""
    root = root_of(folder, AUDIO, "VCTK-Corpus-0.92")
    for speaker in names_in(root / AUDIO):
        if not (root / AUDIO / speaker).is_dir():
            continue  # log.txt
        for name in names_in(root / AUDIO / speaker, MICROPHONE):
            said = text_of(root / "txt" / speaker / f"{name[: -len(MICROPHONE)]}.txt")
            yield Listed(f"{speaker}/{name}", root / AUDIO / speaker / name, None, speaker, said)


def download(folder: Path) -> None:
    from torchaudio.datasets import VCTK_092

    VCTK_092(str(folder), download=True)


VCTK = Layout("vctk", 48000, "speaker", recordings, download, {"all": Count(44455, 110)}, untranscribed=172)

"""LibriTTS: 2456 readers of audio books, 585 hours in seven parts that share no speaker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wavegen.data.preparing.layouts.base import Count, Layout, Listed, names_in, root_of, text_of
from wavegen.data.splits import OFFICIAL
from wavegen.errors import UserError

PARTS = {
    "dev-clean": Count(5736, 40),
    "dev-other": Count(4613, 33),
    "test-clean": Count(4837, 39),
    "test-other": Count(5120, 33),
    "train-clean-100": Count(33236, 247),
    "train-clean-360": Count(116500, 904),
    "train-other-500": Count(205044, 1160),
}
SPLITS = {"dev": "validation", "test": "test", "train": "train"}
DOWNLOADED = ("dev-clean", "test-clean", "train-clean-100")  # 9 GB of 78


def recordings(folder: Path) -> Iterator[Listed]:
    """train-clean-100/19/198/19_198_000000_000000.wav: part, speaker, chapter; its .normalized.txt lies beside it."""
    root = folder if any((folder / part).is_dir() for part in PARTS) else folder / "LibriTTS"
    there = [part for part in PARTS if (root / part).is_dir()]
    if not there:
        root_of(folder, "train-clean-100", "LibriTTS")
        raise UserError(f"{folder}: holds none of the parts {', '.join(PARTS)}")
    for part in there:
        for speaker in _folders_in(root / part):
            for chapter in _folders_in(root / part / speaker):
                yield from _chapter(root, part, speaker, chapter)


def _folders_in(folder: Path) -> list[str]:
    return [name for name in names_in(folder) if (folder / name).is_dir()]


def _chapter(root: Path, part: str, speaker: str, chapter: str) -> Iterator[Listed]:
    folder = root / part / speaker / chapter
    for name in names_in(folder, ".wav"):
        said = text_of(folder / f"{name[: -len('.wav')]}.normalized.txt")
        recording_id = f"{part}/{speaker}/{chapter}/{name}"
        yield Listed(recording_id, folder / name, SPLITS[part.partition("-")[0]], speaker, said, part)


def download(folder: Path) -> None:
    from torchaudio.datasets import LIBRITTS

    for part in DOWNLOADED:
        LIBRITTS(str(folder), url=part, download=True)


LIBRITTS = Layout("libritts", 24000, OFFICIAL, recordings, download, PARTS)

"""yesno (OpenSLR 1): one man says yes or no in Hebrew, eight times a file; the file's name says which."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wavegen.data.preparing.layouts.base import Count, Layout, Listed, names_in

WORDS = {"0": "no", "1": "yes"}


def recordings(folder: Path) -> Iterator[Listed]:
    """waves_yesno/0_0_0_0_1_1_1_1.wav."""
    root = folder / "waves_yesno" if (folder / "waves_yesno").is_dir() else folder
    for name in names_in(root, ".wav"):
        digits = name[: -len(".wav")].split("_")
        said = " ".join(WORDS[digit] for digit in digits) if set(digits) <= set(WORDS) else None
        yield Listed(name, root / name, transcript=said)


def download(folder: Path) -> None:
    from torchaudio.datasets import YESNO

    YESNO(str(folder), download=True)


YESNO = Layout("yesno", 8000, "file", recordings, download, {"all": Count(60)})

"""Trained models that come with wavegen: `wavegen generate allison hello.wav`."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """What `find` knows; nothing where the package's folder may not be read."""
    try:
        return sorted(path.stem for path in FOLDER.glob("*.safetensors"))
    except OSError:
        return []


def find(name: str) -> Path | None:
    """The file of the model of that name; its card, with data, licence and likelihood, is the .md beside it."""
    return FOLDER / f"{name}.safetensors" if name in names() else None

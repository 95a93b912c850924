"""Pretrained models that are bundled with wavegen: `wavegen generate allison hello.wav`."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """The names of the bundled models; none where the package's folder may not be read."""
    try:
        return sorted(path.stem for path in FOLDER.glob("*.safetensors"))
    except OSError:
        return []


def find(name: str) -> Path | None:
    """The file of the model of that name, None if there is none.

    The .md next to it is the model's card: data, licence, likelihood.
    """
    return FOLDER / f"{name}.safetensors" if name in names() else None

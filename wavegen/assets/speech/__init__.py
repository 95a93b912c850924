"""Six minutes of English speech under CC BY-SA 3.0 (see ATTRIBUTION.md), for a first training without a download."""

from __future__ import annotations

from pathlib import Path


def folder() -> Path:
    """The folder with the recordings: a SOURCE for `prepare`, FLAC files, 8 kHz, 16-bit, mono."""
    return Path(__file__).parent

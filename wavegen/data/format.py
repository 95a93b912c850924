"""What writers and readers of a corpus share."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FORMAT, VERSION = "wavegen corpus", 1
DESCRIPTION = "corpus.json"  # what makes a folder a corpus
PCM = "pcm.i16"  # the file of all samples


def is_corpus(folder: Path) -> bool:
    """Whether the folder is a corpus, perhaps a damaged one."""
    return os.path.exists(folder / DESCRIPTION)  # a folder that may not be entered is refused by who reads it


def write_description(folder: Path, about: Mapping[str, Any]) -> None:
    """Writes corpus.json to the disk, its keys in the order of `about`, which makes the folder a corpus."""
    with open(folder / DESCRIPTION, "w", encoding="ascii") as file:
        json.dump({"format": FORMAT, "version": VERSION, **about}, file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())

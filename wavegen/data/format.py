"""The files of a corpus and the keys of corpus.json, for writers and readers."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NotRequired, TypedDict

if TYPE_CHECKING:
    from wavegen.data.results import Audit, PictureAudit
    from wavegen.jsontypes import Json

FORMAT, VERSION = "wavegen corpus", 1
DESCRIPTION = "corpus.json"  # what makes a folder a corpus
PCM = "pcm.i16"  # the file of all samples
LINES, ROWS = "index.jsonl", "index.rows"  # of the index: a line of JSON a recording, and a table of them


class IndexSummary(TypedDict):
    """The keys of corpus.json about the index: totals, and hashes of the contents and of the files."""

    recordings: int
    samples: int
    fingerprint: str
    seal: NotRequired[str]


class Description(IndexSummary):
    """The keys of corpus.json that open a corpus; those of its form stand beside them."""

    version: int
    audit: Audit | PictureAudit
    source: NotRequired[Json]


def is_corpus(folder: Path) -> bool:
    """Whether the folder is a corpus, perhaps a damaged one."""
    return os.path.exists(folder / DESCRIPTION)  # a folder that may not be entered is refused by who reads it


def write_description(folder: Path, about: Mapping[str, object]) -> None:
    """Writes corpus.json to the disk, its keys in the order of `about`, which makes the folder a corpus."""
    with open(folder / DESCRIPTION, "w", encoding="ascii") as file:
        json.dump({"format": FORMAT, "version": VERSION, **about}, file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())

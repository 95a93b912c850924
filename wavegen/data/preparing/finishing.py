"""Makes a corpus of what was gathered: splits the recordings, writes index.jsonl and corpus.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wavegen.data.format import PCM, write_description
from wavegen.data.index import IndexWriter
from wavegen.data.preparing.gathering import DONE, Gathering
from wavegen.data.preparing.held_out import FEW_TO_CUT, Sides, advice, split_warnings
from wavegen.data.preparing.near_copies import NearCopies, near_copy_warnings
from wavegen.data.preparing.passed_over import by_number, passed_over_warnings
from wavegen.data.results import Audit, AuditOrigin
from wavegen.data.splits import FILE, MIN_PIECES, RULE, SPLITS, TIME, split_of_group
from wavegen.models.forms import AudioForm

if TYPE_CHECKING:
    from wavegen.data.preparing.sources import Source


@dataclass(frozen=True)
class Wanted:
    """The properties of the corpus to be made.

    `split_by` None is by file, but by time for a few recordings that were `cut` into pieces of so many seconds: whole
    ones held out would be too few. `passed_over` counts the files that were not read by their suffix; `source` is what
    drew the recordings, if their density is known.
    """

    sample_rate: int
    split_by: str | None = None
    cut: float | None = None
    passed_over: Mapping[str, int] = field(default_factory=dict)
    source: Source | None = None


def finish(gathering: Gathering, wanted: Wanted) -> Audit:
    """Makes a corpus of what was gathered in its folder; gives the audit's summary."""
    gathering.flush(to_disk=True)
    split_by = wanted.split_by or (TIME if wanted.cut is not None and _few(gathering) else FILE)
    sides = Sides()
    near = NearCopies(len(gathering.prefixes))
    repeated = gathering.repeated()
    form = AudioForm(wanted.sample_rate)
    with IndexWriter(gathering.folder, form) as writer:
        for entry in gathering.entries():
            split = split_of_group([one.candidate() for one in repeated.get(entry.content_hash, [entry])], split_by)
            sides.add(entry, split)
            near.add(entry.landmarks, SPLITS.index(split), writer.samples, entry.samples)
            writer.add(entry.placed(split, writer.samples))
        index = writer.summary()
    duplicates = [[one.id for one in group] for group in repeated.values() if len(group) > 1]
    figures = gathering.audit.summary(wanted.sample_rate, sides.files, sides.samples, duplicates)
    audit: Audit = {
        **figures,
        "split_by": split_by,
        "near_duplicates": _near_duplicates(gathering, near, wanted.sample_rate),
        "speakers": len(sides.speakers),
        "passed_over": by_number(wanted.passed_over),
        **_origin(gathering, wanted),
        "advice": None,
    }
    _add_findings(audit, gathering, sides, wanted)
    about = {**form.entry, **index, "split_by": split_by, "split_rule": RULE, "audit": audit}
    _describe(gathering.folder, about | ({} if wanted.source is None else {"source": wanted.source.describe()}))
    (gathering.folder / DONE).unlink()
    return audit


def _few(gathering: Gathering) -> bool:
    """Whether there are too few recordings to hold whole ones out, and they are long enough to hold out their ends."""
    pieces = len(gathering.prefixes)
    return gathering.recordings < FEW_TO_CUT and pieces >= MIN_PIECES * gathering.recordings


def _near_duplicates(gathering: Gathering, near: NearCopies, sample_rate: int) -> list[list[str]]:
    """The ids of recordings of one sound, two by two."""
    pairs = near.pairs(np.memmap(gathering.folder / PCM, "<i2", "r").view(np.ndarray), sample_rate)
    if not pairs:
        return []
    numbers = {number for pair in pairs for number in pair}
    ids = {number: entry.id for number, entry in enumerate(gathering.entries()) if number in numbers}
    return [[ids[a], ids[b]] for a, b in pairs]


def _origin(gathering: Gathering, wanted: Wanted) -> AuditOrigin:
    origin: AuditOrigin = {}
    if wanted.cut is not None:
        origin["cut"] = {"seconds": wanted.cut, "recordings": gathering.recordings}
    if gathering.census is not None:
        origin["layout"] = gathering.census.summary()
    return origin


def _add_findings(audit: Audit, gathering: Gathering, sides: Sides, wanted: Wanted) -> None:
    """Adds to the audit what concerns splits and files that were not read, and the warnings of these."""
    for name, share in sides.silence().items():
        audit["splits"][name]["digital_silence"] = share
    audit["advice"] = advice(audit)
    audit["warnings"] = [
        *split_warnings(audit),
        *sides.speaker_warnings(audit["split_by"], top_folders=gathering.census is None),
        *near_copy_warnings(audit["near_duplicates"]),
        *audit["warnings"],
        *passed_over_warnings(audit["passed_over"]),
    ]


def _describe(folder: Path, about: Mapping[str, object]) -> None:
    first = ("sample_rate", "recordings", "samples", "split_by", "fingerprint", "audit")
    write_description(folder, {**{key: about[key] for key in first}, **about})

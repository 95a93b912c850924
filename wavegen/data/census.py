"""What of a known corpus is there, against what should be."""

from __future__ import annotations

from collections import Counter
from typing import Any

from wavegen.data.layouts.base import Layout


class Census:
    """Counts usable recordings, speakers and transcripts, part by part."""

    def __init__(self, layout: Layout):
        self.layout = layout
        self.files: Counter[str] = Counter()
        self.speakers: dict[str, set[str | None]] = {}
        self.untranscribed = 0

    def add(self, part: str, speaker: str | None, transcript: str | None) -> None:
        self.files[part] += 1
        self.speakers.setdefault(part, set()).add(speaker)
        self.untranscribed += transcript is None

    def summary(self) -> dict[str, Any]:
        """Found and official numbers of each part, and the differences as sentences, as JSON."""
        parts = [
            {
                "part": part,
                "files": self.files[part],
                "official_files": official.files,
                "speakers": len(self.speakers.get(part, ())),
                "official_speakers": official.speakers,
            }
            for part, official in self.layout.parts.items()
        ]
        return {
            "name": self.layout.name,
            "parts": parts,
            "untranscribed": self.untranscribed,
            "differences": [*_differences(parts), *self._unlisted()],
        }

    def _unlisted(self) -> list[str]:
        if self.untranscribed <= self.layout.untranscribed:
            return []
        return [f"{self.untranscribed} recordings have no transcript; officially {self.layout.untranscribed} have none"]


def _differences(parts: list[dict[str, Any]]) -> list[str]:
    """A sentence for every number that is not the official one, and one for the parts that are not there at all."""
    found = [
        f"{'' if row['part'] == 'all' else row['part'] + ': '}{row[unit]} {unit}, {_by_how_many(row, unit)} "
        f"(officially {row[f'official_{unit}']})"
        for row in parts
        for unit in ("files", "speakers")
        if row["files"] and row[f"official_{unit}"] not in (None, row[unit])
    ]
    absent = [row["part"] for row in parts if not row["files"]]
    return found + ([f"not there: {', '.join(absent)}"] if absent else [])


def _by_how_many(row: dict[str, Any], unit: str) -> str:
    difference = row[unit] - row[f"official_{unit}"]
    return f"{difference} too many" if difference > 0 else f"{-difference} missing"

"""Compares the recordings of a known corpus with its official numbers."""

from __future__ import annotations

from collections import Counter

from wavegen.data.preparing.layouts.base import Count, Layout
from wavegen.data.results import LayoutCensus, PartSize


class Census:
    """Counts usable recordings, speakers and transcripts, part by part, and those that have not the official rate.

    Recordings of parts that the corpus does not have are somebody's own, and nothing is missing of them but texts.
    """

    def __init__(self, layout: Layout):
        self.layout = layout
        self.files: Counter[str] = Counter()
        self.speakers: dict[str, set[str | None]] = {}
        self.untranscribed = 0
        self.other_rates: Counter[int] = Counter()

    def add(self, part: str, speaker: str | None, transcript: str | None, rate: int) -> None:
        self.files[part] += 1
        self.speakers.setdefault(part, set()).add(speaker)
        self.untranscribed += transcript is None
        if part in self.layout.parts and rate != self.layout.sample_rate:
            self.other_rates[rate] += 1

    def summary(self) -> LayoutCensus:
        """Found and official numbers of each part, and the differences as sentences, as JSON."""
        own = {part: Count() for part in sorted(self.files.keys() - self.layout.parts.keys())}
        official = self.layout.parts if self.files.keys() & self.layout.parts.keys() or not own else {}
        parts = [
            PartSize(
                part=part,
                files=self.files[part],
                official_files=count.files,
                speakers=len(self.speakers.get(part, ())),
                official_speakers=count.speakers,
            )
            for part, count in {**official, **own}.items()
        ]
        return {
            "name": self.layout.name,
            "parts": parts,
            "untranscribed": self.untranscribed,
            "differences": [*_differences(parts), *self._rates(), *self._unlisted(bool(official))],
        }

    def _rates(self) -> list[str]:
        rates = sorted(self.other_rates.items())
        return [f"{files} files have {rate} Hz (officially {self.layout.sample_rate})" for rate, files in rates]

    def _unlisted(self, official: bool) -> list[str]:
        least = self.layout.untranscribed if official else 0
        if self.untranscribed <= least:
            return []
        told = f"{self.untranscribed} recordings have no transcript"
        return [f"{told}; officially {least} have none" if official else told]


def _differences(parts: list[PartSize]) -> list[str]:
    """A sentence for every number that is not the official one, and one for the parts that are not there at all."""
    found: list[str] = []
    for row in parts:
        where = "" if row["part"] == "all" else f"{row['part']}: "
        counts = (
            ("files", row["files"], row["official_files"]),
            ("speakers", row["speakers"], row["official_speakers"]),
        )
        for unit, number, official in counts:
            if row["files"] and official is not None and official != number:
                found.append(f"{where}{number} {unit}, {_by_how_many(number - official)} (officially {official})")
    absent = [row["part"] for row in parts if not row["files"]]
    return found + ([f"not there: {', '.join(absent)}"] if absent else [])


def _by_how_many(difference: int) -> str:
    return f"{difference} too many" if difference > 0 else f"{-difference} missing"

"""The notes on each recording that was read, and on each piece of one that was cut."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wavegen.data.index import Recording
from wavegen.data.preparing.lines import Done, Piece
from wavegen.data.splits import Candidate


@dataclass(frozen=True)
class Entry:
    """A recording of the corpus to be, or piece number `piece` of so many `pieces` of one.

    `recording` is the id of the whole; `official` the split that a known corpus gives it; `silent` how many samples
    are digital silence; `landmarks` the fingerprint of `wavegen.data.preparing.fingerprints`.
    """

    id: str
    recording: str
    piece: int
    pieces: int
    speaker: str | None
    official: str | None
    samples: int
    content_hash: str
    silent: int
    landmarks: str
    source: str
    transcript: str | None

    def candidate(self) -> Candidate:
        """The properties that decide on its split."""
        return Candidate(self.recording, self.speaker, self.official, self.piece, self.pieces)

    def placed(self, split: str, offset: int) -> Recording:
        """Its line in the index of a corpus, `offset` being where its samples start."""
        about = (self.samples, self.content_hash, self.source, self.transcript)
        return Recording(self.id, split, self.speaker, offset, *about)


def entries_of(line: Done) -> Iterator[Entry]:
    """The recording that a line of done.jsonl is about, or its pieces, called ID#000, ID#001 …"""
    pieces = line["pieces"] if "pieces" in line else [_whole(line)]
    width = max(3, len(str(len(pieces) - 1)))
    for number, piece in enumerate(pieces):
        yield Entry(
            id=f"{line['id']}#{number:0{width}}" if "pieces" in line else line["id"],
            recording=line["id"],
            piece=number,
            pieces=len(pieces),
            speaker=line["speaker"],
            official=line["split"],
            samples=piece["samples"],
            content_hash=piece["content_hash"],
            silent=piece["silent"],
            landmarks=piece["landmarks"],
            source=line["source"],
            transcript=line["transcript"],
        )


def _whole(line: Done) -> Piece:
    """A recording that was not cut, as its own only piece."""
    return Piece(
        samples=line["samples"],
        content_hash=line["content_hash"],
        silent=line["figures"].get("silent", 0),
        landmarks=line.get("landmarks", ""),
    )

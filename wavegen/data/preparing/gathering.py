"""Gathers recordings into a corpus folder in a way that can stop anywhere and go on."""

from __future__ import annotations

import contextlib
import json
import os
from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from wavegen.audio.examination.findings import AnyFigures
from wavegen.audio.files import content_hash
from wavegen.data.format import PCM
from wavegen.data.preparing.audit import Auditor
from wavegen.data.preparing.census import Census
from wavegen.data.preparing.entries import Entry, entries_of
from wavegen.data.preparing.layouts.base import Layout
from wavegen.data.preparing.lines import Line
from wavegen.data.preparing.reading import Read

DONE = "done.jsonl"
PREFIX = 16  # hex digits of a content hash: enough to find the few that may be duplicates


class Gathering:
    """Recordings as they come: their samples in pcm.i16, all else as a line of done.jsonl, in the order of coming.

    A line stands for what is in pcm.i16 already, so whatever was cut short is found by its missing line.
    """

    def __init__(self, folder: Path, layout: Layout | None = None):
        self.folder = folder
        self.audit = Auditor()
        self.census = None if layout is None else Census(layout)
        self.lines = self.recordings = self.samples = 0
        self.prefixes = array("Q")
        self.pcm, self.done = (open(folder / name, "ab+") for name in (PCM, DONE))  # noqa: SIM115 (closed by close)
        self._take_up()

    def _take_up(self) -> None:
        """Goes through what an interrupted run left, and drops what is not whole."""
        kept = 0
        end = os.path.getsize(self.folder / PCM)
        self.done.seek(0)
        for line in self.done:
            with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
                entry = json.loads(line)
                samples = entry.get("samples", 0)
                if line.endswith(b"\n") and 2 * (self.samples + samples) <= end:
                    pcm = self._samples_of(samples)
                    if not samples or content_hash(pcm) == entry["content_hash"]:
                        self.audit.count(pcm)
                        self._note(entry)
                        kept += len(line)
                        continue
            break
        self.done.truncate(kept)
        self.pcm.truncate(2 * self.samples)

    def _samples_of(self, samples: int) -> np.ndarray:
        """The next samples that an interrupted run left, (samples,) int16, read where they are looked at."""
        if not samples:
            return np.empty(0, np.int16)
        return np.memmap(self.folder / PCM, "<i2", "r", 2 * self.samples, (samples,)).view(np.ndarray)

    def add(self, read: Read) -> None:
        """Appends a recording, or that it was refused."""
        for pcm in read.blocks:
            self.pcm.write(np.ascontiguousarray(pcm, "<i2").data)
        self.done.write(json.dumps(read.line).encode() + b"\n")
        self._note(read.line)
        if read.counts is not None:
            self.audit.counts += read.counts

    def flush(self, to_disk: bool = False) -> None:
        """Hands all to the system, the samples first, so that it outlives this process; `to_disk`: and the machine."""
        self.pcm.flush()
        self.done.flush()
        if to_disk:
            os.fsync(self.pcm.fileno())

    def _note(self, line: Line) -> None:
        self.lines += 1
        if "refused" in line:
            about = line["refused"].removeprefix(f"{line['path']}: ")
            self.audit.refuse(line["source"], f"{line['source']}: {about}")
            return
        figures: AnyFigures = line["figures"]
        self.audit.add_figures(line["id"], figures)
        pieces = line.get("pieces", [line])
        self.prefixes.extend(int(piece["content_hash"][:PREFIX], 16) for piece in pieces)
        self.recordings += 1
        self.samples += line["samples"]
        if self.census is not None:
            self.census.add(line["part"], line["speaker"], line["transcript"], figures.get("source_rate", 0))

    def close(self) -> None:
        with self.done:  # which is closed even if what is left of the samples cannot be written
            self.pcm.close()

    def entries(self) -> Iterator[Entry]:
        """The notes on each recording that was not refused, piece by piece."""
        self.done.seek(0)
        for line in self.done:
            if "refused" not in (noted := json.loads(line)):
                yield from entries_of(noted)

    def repeated(self) -> dict[str, list[Entry]]:
        """The recordings whose content may occur more than once, by content hash, in the order of the first."""
        prefixes, times = np.unique(np.frombuffer(self.prefixes, np.uint64), return_counts=True)
        repeated = set(prefixes[times > 1].tolist())
        groups: dict[str, list[Entry]] = {}
        if not repeated:
            return groups
        for entry in self.entries():
            if int(entry.content_hash[:PREFIX], 16) in repeated:
                groups.setdefault(entry.content_hash, []).append(entry)
        return groups

"""Gathers recordings into a corpus folder in a way that can stop anywhere and go on."""

from __future__ import annotations

import contextlib
import json
import os
from array import array
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wavegen.audio import content_hash
from wavegen.data.audit import Audit
from wavegen.data.census import Census
from wavegen.data.index import IndexWriter, Recording
from wavegen.data.layouts.base import Layout
from wavegen.data.reading import Read
from wavegen.data.splits import Candidate, split_of_group

if TYPE_CHECKING:
    from wavegen.data.sources import Source

VERSION = 1
PCM, DONE = "pcm.i16", "done.jsonl"
PREFIX = 16  # hex digits of a content hash: enough to find the few that may be duplicates


class Gathering:
    """Recordings as they come: their samples in pcm.i16, all else as a line of done.jsonl, in the order of coming.

    A line stands for what is in pcm.i16 already, so whatever was cut short is found by its missing line.
    """

    def __init__(self, folder: Path, layout: Layout | None = None):
        self.folder, self.audit = folder, Audit()
        self.census = None if layout is None else Census(layout)
        self.lines = self.recordings = self.samples = 0
        self.prefixes = array("Q")
        self.pcm, self.done = (open(folder / name, "ab+") for name in (PCM, DONE))  # noqa: SIM115 (closed by close)
        self._take_up()

    def _take_up(self) -> None:
        """Goes through what an interrupted run left, and drops what is not whole."""
        kept, end = 0, os.path.getsize(self.folder / PCM)
        self.done.seek(0)
        for line in self.done:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                entry = json.loads(line)
                samples = entry.get("samples", 0)
                if line.endswith(b"\n") and 2 * (self.samples + samples) <= end:
                    pcm = np.fromfile(self.folder / PCM, "<i2", samples, offset=2 * self.samples)
                    if not samples or content_hash(pcm) == entry["content_hash"]:
                        self.audit.count(pcm)
                        self._note(entry)
                        kept += len(line)
                        continue
            break
        self.done.truncate(kept)
        self.pcm.truncate(2 * self.samples)

    def add(self, read: Read) -> None:
        """Appends a recording, or that it was refused."""
        self.pcm.write(np.ascontiguousarray(read.pcm, "<i2").data)
        self.done.write(json.dumps(read.line).encode() + b"\n")
        self._note(read.line)
        if read.counts is not None:
            self.audit.counts += read.counts

    def flush(self) -> None:
        """Hands all to the system, the samples first, so that it outlives this process."""
        self.pcm.flush()
        self.done.flush()

    def _note(self, line: dict[str, Any]) -> None:
        self.lines += 1
        if "refused" in line:
            self.audit.refuse(line["path"], line["refused"])
            return
        self.audit.add_figures(line["figures"])
        self.prefixes.append(int(line["content_hash"][:PREFIX], 16))
        self.recordings += 1
        self.samples += line["samples"]
        if self.census is not None:
            self.census.add(line["part"], line["speaker"], line["transcript"], line["figures"]["source_rate"])

    def finish(self, sample_rate: int, split_by: str, source: Source | None = None) -> dict[str, Any]:
        """Splits the recordings and writes the index and corpus.json; gives the audit's summary."""
        self.flush()
        os.fsync(self.pcm.fileno())
        groups = self._groups()
        files: Counter[str] = Counter()
        samples: Counter[str] = Counter()
        with IndexWriter(self.folder, sample_rate) as writer:
            for entry in self._entries():
                group = groups.get(entry["content_hash"], [_candidate(entry)])
                split = split_of_group(group, split_by)
                writer.add(_recording(entry, split, writer.samples))
                files[split] += 1
                samples[split] += entry["samples"]
            index = writer.summary()
        duplicates = [[one.id for one in group] for group in groups.values() if len(group) > 1]
        summary = self.audit.summary(sample_rate, files, samples, duplicates)
        if self.census is not None:
            summary["layout"] = self.census.summary()
        known = {} if source is None else {"source": source.describe()}
        self._describe({"sample_rate": sample_rate, **index, "split_by": split_by, "audit": summary} | known)
        (self.folder / DONE).unlink()
        return summary

    def close(self) -> None:
        with self.done:  # which is closed even if what is left of the samples cannot be written
            self.pcm.close()

    def _entries(self) -> Iterator[dict[str, Any]]:
        """What was noted of each recording that was not refused."""
        self.done.seek(0)
        for line in self.done:
            if "refused" not in (entry := json.loads(line)):
                yield entry

    def _groups(self) -> dict[str, list[Candidate]]:
        """The recordings whose content may occur more than once, by content hash, in the order of the first."""
        prefixes, times = np.unique(np.frombuffer(self.prefixes, np.uint64), return_counts=True)
        repeated = set(prefixes[times > 1].tolist())
        groups: dict[str, list[Candidate]] = {}
        for entry in self._entries() if repeated else ():
            if int(entry["content_hash"][:PREFIX], 16) in repeated:
                groups.setdefault(entry["content_hash"], []).append(_candidate(entry))
        return groups

    def _describe(self, about: dict[str, Any]) -> None:
        first = ("sample_rate", "recordings", "samples", "split_by", "fingerprint", "audit")
        ordered = {key: about[key] for key in first} | about
        with open(self.folder / "corpus.json", "w", encoding="ascii") as file:
            json.dump({"format": "wavegen corpus", "version": VERSION, **ordered}, file, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())


def _candidate(entry: dict[str, Any]) -> Candidate:
    return Candidate(entry["id"], entry["speaker"], entry["split"])


def _recording(entry: dict[str, Any], split: str, offset: int) -> Recording:
    names = ("samples", "content_hash", "path", "transcript")
    return Recording(entry["id"], split, entry["speaker"], offset, *(entry[name] for name in names))

"""A folder of recordings as one file of PCM with an index: made once, then memory-mapped."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import MISSING, asdict, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from wavegen import audio
from wavegen.atomic import replacing_folder
from wavegen.data import layouts
from wavegen.data.audit import Audit
from wavegen.data.census import Census
from wavegen.data.layouts.base import OFFICIAL, Listed, download
from wavegen.data.splits import SPLITS, assign, check_split_by, speaker_of
from wavegen.errors import UserError, nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wavegen.data.sources import Source

VERSION = 1
SHORTEST_SECONDS = 0.1
DRAWN = "source:"  # of known density
DRAWN_SECONDS, DRAWN_RECORDINGS, DRAWN_RATE = 4, 150, 8000  # of it, the rate being no more than a name for its time


@dataclass(frozen=True)
class Recording:
    """One line of index.jsonl; `offset` and `samples` count int16 values in pcm.i16, `source` is the original file.

    `transcript` is what is said, where the corpus tells; lines without one leave it out.
    """

    id: str
    split: str
    speaker: str | None
    offset: int
    samples: int
    content_hash: str
    source: str
    transcript: str | None = None

    def line(self) -> str:
        """The recording as a line of index.jsonl."""
        entry = asdict(self)
        if self.transcript is None:
            del entry["transcript"]
        return json.dumps(entry) + "\n"


@dataclass(frozen=True)
class Corpus:
    """A corpus opened for reading; `source` is what drew its recordings if their density is known."""

    path: Path
    sample_rate: int
    fingerprint: str
    audit: dict[str, Any]
    recordings: tuple[Recording, ...]
    source: Source | None = None

    def split(self, name: str) -> list[Recording]:
        """The recordings of the train, validation or test split, in the order of their ids."""
        if name not in SPLITS:
            raise UserError(f"{name} is not a split{nearest(name, SPLITS)}")
        return [recording for recording in self.recordings if recording.split == name]

    def pcm(self, recording: Recording) -> np.ndarray:
        """The samples of `recording`, (samples,) int16, a read-only view into the memory-mapped file."""
        return self._samples[recording.offset : recording.offset + recording.samples]

    @cached_property
    def _samples(self) -> np.ndarray:
        return np.memmap(self.path / "pcm.i16", "<i2", "r").view(np.ndarray)


def prepare(
    source: str | Path,
    corpus: str | Path,
    sample_rate: int | None = None,
    split_by: str | None = None,
    strict: bool = False,
    name: str | None = None,
    fetch: bool = False,
) -> dict[str, Any]:
    """Reads the audio in `source` into a new corpus folder and gives its audit: what it found and what it refused.

    A file that cannot be read, or is shorter than 0.1 s, is refused and the rest goes on; `strict` stops there
    instead. Memory holds one recording at a time. The folder appears when it is whole; it may not exist before.
    `name` is a corpus of `wavegen.data.layouts`: `source` is read as that is laid out, with its speakers, transcripts
    and split, at its own rate; `fetch` downloads it first. Else the split is by "file" or "speaker".
    `source:NAME` is one of `wavegen.data.sources`: 10 minutes are drawn from it, at 8000 Hz if no rate is given.
    Raises UserError if nothing usable is found, sample rates differ and none is asked for, or nothing can be written.
    """
    source, corpus = Path(source), Path(corpus)
    if split_by is not None:
        check_split_by(split_by)
    if sample_rate is not None:
        audio.check_sample_rate(sample_rate)
    if name is not None:
        return _prepare_known(name, source, corpus, sample_rate, split_by, strict, fetch)
    if fetch:
        raise UserError(f"{source}: only a known corpus can be downloaded; known: {', '.join(layouts.LAYOUTS)}")
    split_by = split_by or "file"
    if str(source).startswith(DRAWN):
        return _draw(str(source), corpus, sample_rate or DRAWN_RATE, split_by)
    files = audio.find(source)
    with replacing_folder(corpus) as folder:
        sample_rate = sample_rate or _common_sample_rate(source, files)
        return _read_all(source, _listed(source, files), folder, sample_rate, split_by, strict, Census())


def _prepare_known(
    name: str, source: Path, corpus: Path, sample_rate: int | None, split_by: str | None, strict: bool, fetch: bool
) -> dict[str, Any]:
    layout = layouts.named(name)
    if split_by is not None and layout.split_by == OFFICIAL:
        raise UserError(f"{name}: has an official split, which is used; leave out --split-by")
    with replacing_folder(corpus) as folder:
        if fetch:
            download(layout, source)
        recordings = list(layout.recordings(source))
        census, split_by = Census(layout), split_by or layout.split_by
        return _read_all(source, recordings, folder, sample_rate or layout.sample_rate, split_by, strict, census)


def _listed(source: Path, files: Sequence[Path]) -> Iterator[Listed]:
    """The recordings of a folder of any layout; a file's speaker is its top folder, if it lies in one."""
    for path in files:
        recording_id = path.relative_to(source).as_posix() if path != source else path.name
        yield Listed(recording_id, path, speaker=speaker_of(recording_id))


def _draw(source: str, corpus: Path, sample_rate: int, split_by: str) -> dict[str, Any]:
    """`prepare` for a source of known density: 10 minutes in recordings of 4 s, recording n being what seed n draws."""
    from wavegen.data import sources

    if split_by == "speaker":
        raise UserError(f"{source}: its recordings have no speakers; leave out --split-by speaker")
    known = sources.named(source.removeprefix(DRAWN))
    samples, audit, recordings = DRAWN_SECONDS * sample_rate, Audit(), []
    with replacing_folder(corpus) as folder:
        with open(folder / "pcm.i16", "wb") as pcm:
            for seed in range(DRAWN_RECORDINGS):
                drawn = known.draw(samples, seed)
                sound = audio.Audio(drawn, sample_rate, 1, "PCM_16", lossy=False, source_rate=sample_rate, clipped=0)
                recordings.append(_append(pcm, sound, Listed(f"{seed:03}", Path(source)), seed * samples))
                audit.add(sound)
            _sync(pcm)
        return _finish(folder, recordings, sample_rate, "file", audit, source=known)


def _read_all(
    source: Path,
    listed: Iterable[Listed],
    folder: Path,
    sample_rate: int,
    split_by: str,
    strict: bool,
    census: Census,
) -> dict[str, Any]:
    """Reads every recording that is good into the corpus in `folder`; gives the audit's summary."""
    from tqdm import tqdm

    audit, recordings, offset = Audit(), [], 0
    with open(folder / "pcm.i16", "wb") as pcm:
        for entry in tqdm(listed, desc=f"preparing {source}", unit="file", disable=None):
            try:
                sound = audio.read(entry.path, sample_rate)
                _check_usable(sound, entry, split_by)
            except UserError as error:
                if strict:
                    raise
                audit.refuse(str(entry.path), str(error))
                continue
            recordings.append(_append(pcm, sound, entry, offset))
            audit.add(sound)
            census.add(entry)
            offset += len(sound.pcm)
        _sync(pcm)
    if not recordings:
        if not audit.refused:
            raise UserError(f"{source}: there is no recording in it")
        raise UserError(
            f"{source}: none of its {len(audit.refused)} files is usable; first: {audit.refused[0]['reason']}"
        )
    return _finish(folder, recordings, sample_rate, split_by, audit, census)


def _append(pcm: BinaryIO, sound: audio.Audio, entry: Listed, offset: int) -> Recording:
    """Appends the samples to `pcm`; the recording's split is its official one, or "", not yet known."""
    pcm.write(np.ascontiguousarray(sound.pcm, "<i2").data)
    return Recording(
        entry.id,
        entry.split or "",
        entry.speaker,
        offset,
        len(sound.pcm),
        content_hash(sound.pcm),
        str(entry.path),
        entry.transcript,
    )


def content_hash(pcm: NDArray[np.int16]) -> str:
    """The SHA-256 of PCM, (samples,) int16, in hex digits: what tells recordings apart whatever they are called."""
    return hashlib.sha256(np.ascontiguousarray(pcm, "<i2").data).hexdigest()


def _finish(
    folder: Path,
    recordings: Sequence[Recording],
    sample_rate: int,
    split_by: str,
    audit: Audit,
    census: Census | None = None,
    source: Source | None = None,
) -> dict[str, Any]:
    """Splits the recordings and writes the index; gives the audit's summary."""
    ids, hashes = [r.id for r in recordings], [r.content_hash for r in recordings]
    official = [r.split for r in recordings] if split_by == OFFICIAL else None
    splits = assign(ids, hashes, split_by, [r.speaker for r in recordings], official)
    recordings = [replace(r, split=split) for r, split in zip(recordings, splits, strict=True)]
    summary = audit.summary(sample_rate, ids, splits, [r.samples for r in recordings], hashes)
    if census is not None and census.layout is not None:
        summary["layout"] = census.summary()
    _write_index(folder, recordings, sample_rate, split_by, summary, source)
    return summary


def _check_usable(sound: audio.Audio, entry: Listed, split_by: str) -> None:
    if sound.seconds < SHORTEST_SECONDS:
        raise UserError(
            f"{entry.path}: too short, {sound.seconds:.3f} s; recordings from {SHORTEST_SECONDS} s on are used"
        )
    if split_by == "speaker" and entry.speaker is None:
        raise UserError(f"{entry.path}: lies in no speaker's folder; --split-by speaker reads SOURCE/SPEAKER/…")


def _common_sample_rate(source: Path, files: Sequence[Path]) -> int:
    """The rate of all files whose header can be read; one that differs would silently change what a sample is."""
    rates: Counter[int] = Counter()
    first_error = ""
    for path in files:
        try:
            rates[audio.sample_rate_of(path)] += 1
        except UserError as error:
            first_error = first_error or str(error)
    if not rates:
        raise UserError(f"{source}: none of its {len(files)} files is usable; first: {first_error}")
    if len(rates) > 1:
        found = ", ".join(f"{count} of {rate} Hz" for rate, count in rates.most_common())
        common = rates.most_common(1)[0][0]
        raise UserError(f"{source}: files of different sample rates ({found}); choose one, as --sample-rate {common}")
    return next(iter(rates))


def _fingerprint(recordings: Sequence[Recording], sample_rate: int) -> str:
    """16 hex digits that change if any sample, id or split does, or the sample rate."""
    digest = hashlib.sha256(f"{sample_rate}\n".encode())
    for recording in recordings:
        digest.update(json.dumps([recording.id, recording.split, recording.content_hash]).encode() + b"\n")
    return digest.hexdigest()[:16]


def _write_index(
    folder: Path,
    recordings: Sequence[Recording],
    sample_rate: int,
    split_by: str,
    audit: dict[str, Any],
    source: Source | None,
) -> None:
    with open(folder / "index.jsonl", "w", encoding="ascii") as file:
        file.writelines(recording.line() for recording in recordings)
        _sync(file)
    description = {
        "format": "wavegen corpus",
        "version": VERSION,
        "sample_rate": sample_rate,
        "recordings": len(recordings),
        "samples": sum(recording.samples for recording in recordings),
        "split_by": split_by,
        "fingerprint": _fingerprint(recordings, sample_rate),
        "audit": audit,
    } | ({} if source is None else {"source": source.describe()})
    with open(folder / "corpus.json", "w", encoding="ascii") as file:
        json.dump(description, file, indent=1)
        file.write("\n")
        _sync(file)


def _sync(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def open_corpus(path: str | Path) -> Corpus:
    """The corpus in the folder `path`; raises UserError if there is none, or it is half-written, damaged or too new."""
    path = Path(path)
    if not (path / "corpus.json").is_file():
        what = "is not a corpus (no corpus.json in it)" if path.exists() else "no such folder"
        raise UserError(f"{path}: {what}; make one with: wavegen prepare SOURCE {path}")
    about = _read_description(path)
    recordings = _read_index(path)
    totals = (about["recordings"], about["samples"], about["fingerprint"])
    samples = sum(recording.samples for recording in recordings)
    if totals != (len(recordings), samples, _fingerprint(recordings, about["sample_rate"])):
        raise UserError(f"{path / 'index.jsonl'}: does not fit corpus.json beside it; prepare the corpus again")
    try:
        size = (path / "pcm.i16").stat().st_size
    except OSError as error:
        raise UserError(f"{path / 'pcm.i16'}: cannot be read: {error.strerror}; prepare the corpus again") from error
    if size != 2 * samples:
        raise UserError(f"{path / 'pcm.i16'}: has {size} bytes, its index says {2 * samples}; prepare the corpus again")
    return Corpus(path, about["sample_rate"], about["fingerprint"], about["audit"], recordings, _source(about, path))


def _source(about: dict[str, Any], path: Path) -> Source | None:
    if "source" not in about:
        return None
    from wavegen.data.sources import source_of  # imports torch, for which no other corpus should wait

    return source_of(about["source"], str(path / "corpus.json"))


def _read_description(path: Path) -> dict[str, Any]:
    file = path / "corpus.json"
    try:
        about = json.loads(file.read_bytes())
        if about["format"] != "wavegen corpus":
            raise ValueError("another format")
        if about["version"] > VERSION:
            raise UserError(f"{path}: written by a newer wavegen (version {about['version']}, this reads {VERSION})")
        types = {"sample_rate": int, "recordings": int, "samples": int, "fingerprint": str, "audit": dict}
        if not all(isinstance(about[key], kind) for key, kind in types.items()) or about["sample_rate"] <= 0:
            raise ValueError("a value of the wrong type")
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file}: damaged, or not written by wavegen; prepare the corpus again") from error
    return about


def _read_index(path: Path) -> tuple[Recording, ...]:
    file = path / "index.jsonl"
    names = [field.name for field in fields(Recording) if field.default is MISSING]
    recordings: list[Recording] = []
    offset = 0
    try:
        for line in file.read_bytes().splitlines():
            entry = json.loads(line)
            recording = Recording(**{name: entry[name] for name in names}, transcript=entry.get("transcript"))
            if recording.split not in SPLITS or recording.offset != offset or recording.samples <= 0:
                raise ValueError("a split or a place that no corpus has")
            offset += recording.samples
            recordings.append(recording)
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}; prepare the corpus again") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file}: line {len(recordings) + 1} is damaged; prepare the corpus again") from error
    return tuple(recordings)

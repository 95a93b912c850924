"""Makes corpora of folders, of known corpora and of sources of known density."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wavegen.audio import files as audio_files
from wavegen.audio.cutting import check_cut
from wavegen.audio.names import composed
from wavegen.data.format import VERSION
from wavegen.data.preparing import layouts
from wavegen.data.preparing.finishing import Wanted, finish
from wavegen.data.preparing.gathering import Gathering
from wavegen.data.preparing.layouts.base import Layout, Listed, download
from wavegen.data.preparing.reading import Read, ReadingJob, planned, read_of, read_shares, shares
from wavegen.data.preparing.workfolder import PURPOSE, keep_if_for, work_folder
from wavegen.data.results import Audit
from wavegen.data.splits import FILE, OFFICIAL, RULE, SPEAKER, TIME, check_split_by, speaker_of
from wavegen.errors import UserError
from wavegen.system.machine import cpus
from wavegen.system.progress import progress_bar
from wavegen.wording import listed

if TYPE_CHECKING:
    from numpy.typing import NDArray

DRAWN = "source:"  # of known density
DRAWN_SECONDS, DRAWN_RECORDINGS, DRAWN_RATE = 4, 150, 8000  # of it, the rate being no more than a name for its time
PLAN = "plan.jsonl"
FIGURES = 2  # what is noted of a recording; a run interrupted by an older version begins anew
FLUSH_EVERY = 64  # recordings: what a kill loses at most while they are read


def prepare(
    source: str | Path,
    corpus: str | Path,
    *,
    name: str | None = None,
    fetch: bool = False,
    sample_rate: int | None = None,
    split_by: str | None = None,
    cut: float | None = None,
    strict: bool = False,
    processes: int | None = None,
    force: bool = False,
    progress: bool = False,
) -> Audit:
    """Reads the audio in `source` into a new corpus folder.

    A file that cannot be read, or is shorter than 0.1 s, is refused and the rest goes on. The corpus appears when it
    is whole. An interrupted run goes on where it stopped when it is called again. Memory holds one recording's 16-bit
    PCM, whatever the recordings' number, rate and channels; where several processes read, each of them holds those of
    up to 4 MiB of files together, or one larger file's.

    Args:
        source: an audio file, a folder of them, or `source:NAME` for 10 minutes drawn from one of
            `wavegen.data.preparing.sources`, at 8000 Hz by default.
        corpus: a new or empty folder.
        name: a known corpus of `wavegen.data.preparing.layouts`: `source` is read as that is laid out, with its
            speakers, transcripts and split.
        fetch: download the known corpus into `source` first.
        sample_rate: in Hz; other rates are resampled (soxr HQ). Defaults to that of the files, if they agree.
        split_by: "file" (the default), "speaker", or "time": the last tenth of each recording for test, the tenth
            before it for validation. "time" needs `cut`, and is its default for fewer than ten recordings.
        cut: cut each recording into pieces of about so many seconds, all in one split unless it is by time.
        strict: raise UserError for the first file that cannot be used.
        processes: how many read. Defaults to the number of CPUs; the result is the same.
        force: replace a corpus that is in the folder.
        progress: shows a bar on stderr.

    Returns: the audit, which corpus.json keeps.

    Raises UserError if nothing usable is found, sample rates differ and none is asked for, or nothing can be written.
    """
    source, corpus = Path(source), Path(corpus)
    _check_splitting(split_by, cut, name or (str(source) if str(source).startswith(DRAWN) else None))
    if sample_rate is not None:
        audio_files.check_sample_rate(sample_rate)
    layout = None if name is None else layouts.named(name)
    if layout is None and fetch:
        raise UserError(f"{source}: only a known corpus can be downloaded; known: {', '.join(layouts.LAYOUTS)}")
    if layout is not None and layout.split_by == OFFICIAL and split_by is not None:
        raise UserError(f"{name}: has an official split, which is used; leave out `split_by`", parameter="split_by")
    if layout is None and str(source).startswith(DRAWN):
        return _draw(str(source), corpus, sample_rate or DRAWN_RATE, split_by or FILE, force, progress)
    split_by = split_by or (layout.split_by if layout else None)
    passed_over: Counter[str] = Counter()
    with work_folder(corpus, force) as folder:
        if layout is not None and fetch:
            download(layout, source)
        listed = partial(_listed, source, passed_over) if layout is None else partial(layout.listed, source)
        rate = sample_rate or _common_sample_rate(source, (one.path for one in listed()))
        wanted = Wanted(rate, split_by, cut, passed_over)
        return _Preparation(source, folder, listed, wanted, layout).run(strict, processes or cpus(), progress)


def _check_splitting(split_by: str | None, cut: float | None, known: str | None) -> None:
    """Raises UserError for a way to split or cut that does not exist, or not for what is `known` by its name."""
    if split_by is not None:
        check_split_by(split_by)
    if cut is not None:
        check_cut(cut)
        if known is not None:
            raise UserError(f"{known}: its recordings are used whole; leave out `cut`", parameter="cut")
    elif split_by == TIME:
        said = "`split_by='time'` holds out the end of each recording; say how they are cut, as with `cut=10`"
        raise UserError(said, parameter=("split_by", "cut"))


@dataclass(frozen=True)
class _Preparation:
    """One run of `prepare`: `listed` gives the recordings of `source`; the corpus is made in `folder`."""

    source: Path
    folder: Path
    listed: Callable[[], Iterable[Listed]]
    wanted: Wanted
    layout: Layout | None

    def run(self, strict: bool, processes: int, progress: bool) -> Audit:
        """Reads everything that an interrupted run has not read yet; gives the audit's summary."""
        from tqdm import tqdm

        sizes, starts = self._plan(strict)
        with contextlib.ExitStack() as stack:
            gathering = stack.enter_context(contextlib.closing(Gathering(self.folder, self.layout)))
            job = ReadingJob(str(self.folder / PLAN), self.wanted.sample_rate, self.wanted.split_by, self.wanted.cut)
            results = read_shares(job, shares(sizes, starts, gathering.lines), processes)
            stack.enter_context(contextlib.closing(results))
            bar = tqdm(
                results,
                f"preparing {self.source}",
                len(sizes),
                initial=gathering.lines,
                unit="file",
                disable=None if progress else True,  # None: but on a terminal
            )
            for read in bar:
                if strict and "refused" in read.line:
                    raise UserError(read.line["refused"])
                gathering.add(read)
                if gathering.lines % FLUSH_EVERY == 0:
                    gathering.flush()
            self._check_any(gathering, len(sizes))
            summary = finish(gathering, self.wanted)
        for name in (PLAN, PURPOSE):
            (self.folder / name).unlink()
        return summary

    def _plan(self, strict: bool) -> tuple[array[int], array[int]]:
        """Writes the plan, and empties the folder if it was begun with another; sizes of files, starts of lines."""
        sizes, starts, digest, ids = self._write_plan(frozenset())
        values, times = np.unique(np.frombuffer(ids, np.int64), return_counts=True)
        if repeated := frozenset(values[times > 1].tolist()):
            sizes, starts, digest, _ = self._write_plan(repeated)
        how = {"version": VERSION, "figures": FIGURES, "split_rule": RULE, "strict": strict, "plan": digest}
        how |= {name: getattr(self.wanted, name) for name in ("sample_rate", "split_by", "cut")}
        keep_if_for(self.folder, how, besides=PLAN)
        return sizes, starts

    def _write_plan(self, repeated: Collection[int]) -> tuple[array[int], array[int], str, array[int]]:
        """Sizes of files, starts of lines in the plan, its digest, and hashes of its ids.

        Ids are in one normal form; where two would then be one, by their hash in `repeated`, they stay as they were.
        """
        sizes = array("q")
        starts = array("q")
        ids = array("q")
        digest = hashlib.sha256()
        with open(self.folder / PLAN, "wb") as plan:
            for one in self.listed():
                state = _state(one.path)
                name = composed(one.id)
                sizes.append(state[0] if state else 0)
                starts.append(plan.tell())
                ids.append(hash(name))
                speaker = None if one.speaker is None else composed(one.speaker)
                one = replace(one, id=one.id if ids[-1] in repeated else name, speaker=speaker)
                line = json.dumps(planned(one, self.source, state)).encode() + b"\n"
                plan.write(line)
                digest.update(line)
        return sizes, starts, digest.hexdigest(), ids

    def _check_any(self, gathering: Gathering, listed: int) -> None:
        if not listed:
            raise UserError(f"{self.source}: there is no recording in it")
        if not gathering.recordings:
            first = gathering.audit.refused[0]["reason"]
            raise UserError(f"{self.source}: none of its {listed} files is usable; first: {first}")


def _state(path: Path) -> tuple[int, int] | None:
    """Size and time of change of a file; None if it is not there."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _listed(source: Path, passed_over: Counter[str]) -> Iterator[Listed]:
    """The recordings of a folder of any layout; a file's speaker is its top folder, if it lies in one.

    Other files are counted by suffix in `passed_over`.
    """
    passed_over.clear()
    for path in audio_files.walk(source, passed_over):
        recording_id = path.relative_to(source).as_posix() if path != source else path.name
        yield Listed(recording_id, path, speaker=speaker_of(recording_id))


def _common_sample_rate(source: Path, paths: Iterable[Path]) -> int:
    """The rate of all files whose header can be read; one that differs would silently change what a sample is."""
    rates: Counter[int] = Counter()
    files = 0
    first_error = ""
    for path in paths:
        files += 1
        try:
            rates[audio_files.sample_rate_of(path)] += 1
        except UserError as error:
            first_error = first_error or str(error)
    if not files:
        raise UserError(f"{source}: there is no recording in it")
    if not rates:
        raise UserError(f"{source}: none of its {files} files is usable; first: {first_error}")
    if len(rates) > 1:
        found = listed([f"{count} of {rate} Hz" for rate, count in rates.most_common()])
        common = rates.most_common(1)[0][0]
        said = f"files of different sample rates ({found}); choose one, as `sample_rate={common}`"
        raise UserError(f"{source}: {said}", parameter="sample_rate")
    return next(iter(rates))


def _draw(source: str, corpus: Path, sample_rate: int, split_by: str, force: bool, progress: bool) -> Audit:
    """`prepare` for a source of known density: 10 minutes in recordings of 4 s, recording n being what seed n draws."""
    from wavegen.data.preparing import sources

    if split_by == SPEAKER:
        said = "its recordings have no speakers; leave out `split_by='speaker'`"
        raise UserError(f"{source}: {said}", parameter="split_by")
    known = sources.named(source.removeprefix(DRAWN))
    samples = DRAWN_SECONDS * sample_rate
    with work_folder(corpus, force) as folder:
        keep_if_for(folder, {"source": known.describe(), "sample_rate": sample_rate})
        with contextlib.closing(Gathering(folder)) as gathering:
            left = range(gathering.lines, DRAWN_RECORDINGS)
            with progress_bar(len(left), f"drawing {source}" if progress else None, " files") as bar:
                for seed in left:
                    gathering.add(_drawn(source, known.draw(samples, seed), sample_rate, seed))
                    bar.update(1)
            summary = finish(gathering, Wanted(sample_rate, FILE, source=known))
        (folder / PURPOSE).unlink()
        return summary


def _drawn(source: str, pcm: NDArray[np.int16], sample_rate: int, seed: int) -> Read:
    """The recording that was drawn with a seed, (samples,), as if it had been read from a file."""
    sound = audio_files.Audio(pcm, sample_rate, 1, "PCM_16", lossy=False, source_rate=sample_rate, clipped=0)
    line = planned(Listed(f"{seed:03}", Path(source)), Path(source))
    return read_of(line, sound)._replace(counts=audio_files.count_codes(pcm))

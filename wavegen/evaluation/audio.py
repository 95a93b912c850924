"""Scores recordings from files, folders and corpora with any engine."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wavegen.audio import files as audio_files
from wavegen.audio.examination import CHANNELS_READ, Findings
from wavegen.audio.files import Audio, content_hash
from wavegen.constants import DIGITS
from wavegen.data.corpus import Corpus, open_corpus
from wavegen.data.format import is_corpus
from wavegen.data.verification import verify
from wavegen.engine import open_engine
from wavegen.errors import UserError
from wavegen.evaluation.baselines.flac_samples import flac_bits_by_frame
from wavegen.evaluation.conditions import Giver
from wavegen.evaluation.feeding import (
    PREPARE_AGAIN,
    RESAMPLE,
    UNIT,
    OpenFeed,
    Take,
    check_form,
    chunks,
    max_samples_at_once,
)
from wavegen.evaluation.feeds import fed_by
from wavegen.evaluation.intervals import estimate
from wavegen.evaluation.provenance import provenance
from wavegen.evaluation.refusals import Refusals
from wavegen.evaluation.results import Refused, ScoredFile, ScoreResult, ScoreTotals
from wavegen.models.condition_kinds import Kind
from wavegen.models.familiarity import Familiar, Familiarity, far_above_flac
from wavegen.models.forms import AudioForm
from wavegen.models.model import AnyAudio, Model

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Found(NamedTuple):
    """Recordings to score, warnings about them, and files of folders that were refused, with reasons."""

    takes: list[Take]
    warnings: list[str]
    refused: list[Refused]


def find_takes(
    sources: Sequence[str | Path],
    model: Model,
    resample: bool = False,
    progress: bool = False,
    giver: Giver | None = None,
) -> Found:
    """Finds the recordings to score. Every file is read once, so that a broken one is met before hours of scoring.

    Args:
        sources: audio files, folders of them, corpora, whose test files are scored.
        model: that is to score them.
        resample: converts files of another rate than the model's.
        progress: shows a bar on stderr while corpora are verified.
        giver: of the recordings' conditions; all that the model takes by default.

    Raises:
        UserError: a file cannot be read, or its rate is not the model's and `resample` is not given (in a folder such
            a file is left out, if others are usable); or the samples of a corpus are not those that were prepared.
    """
    takes: list[Take] = []
    warnings: list[str] = []
    findings = Findings()
    familiarity = Familiarity(model)
    refusals = Refusals()
    giver = giver or Giver(model, Kind.all_of(model.conditioning))
    for source in map(Path, sources):
        if is_corpus(source):
            corpus = open_corpus(source)
            check_form(str(source), corpus.form, model.form, PREPARE_AGAIN, parameter="sample_rate")
            warnings += check_corpus(corpus, model, familiarity.provenance.whole)
            verify(corpus, ["test"], progress)
            given = giver.of_corpus(corpus, corpus.split("test"), progress)
            held = held_out(corpus, model, familiarity)
            takes += [take._replace(given=one) for take, one in zip(held, given, strict=True)]
            continue
        read = functools.partial(read_whole, sample_rate=model.sample_rate, resample=resample)
        for path, sound in refusals.usable(source, audio_files.find(source), read):
            familiarity.add(str(path), content_hash(sound.pcm), sound.pcm)
            findings.add(str(path), sound.figures, familiarity.tells(str(path)))
            pcm = functools.partial(read_at, path, model.sample_rate, resample)
            takes.append(Take(str(path), len(sound.pcm), pcm, giver.of_file(pcm)))
            del sound  # frees its samples before the next is read
    if not takes:
        raise UserError(f"{', '.join(map(str, sources))}: no recordings to score; a corpus's test split may be empty")
    odd = findings.listed()
    if any(found["kind"] in CHANNELS_READ for found in odd):
        warnings.insert(0, "compress codes every channel by itself: its bits for such files are not those of score")
    about_files = [*refusals.warnings, *(found["warning"] for found in odd)]
    about_all = [*familiarity.repeats(), *giver.warnings()]
    return Found(takes, [*about_files, *warnings, *familiarity.warnings(), *about_all], refusals.refused)


def check_corpus(corpus: Corpus, model: Familiar, whole: bool, what: str = "files") -> list[str]:
    """A warning if a model may have been trained on this corpus's held-out recordings and does not know it.

    Args:
        corpus: whose recordings are to be scored.
        model: that is to score them.
        whole: the model's file names all recordings that it was trained on.
        what: the warning's word for the recordings.
    """
    if whole or model.metadata.get("corpus_fingerprint") in (None, corpus.fingerprint):
        return []
    return [f"{corpus.path}: not the corpus of this model, which may have been trained on these {what}"]


def held_out(corpus: Corpus, model: Familiar, familiarity: Familiarity) -> Iterator[Take]:
    """The recordings of the test split, which are added to `familiarity`."""
    own = model.metadata.get("corpus_fingerprint") == corpus.fingerprint
    for recording in corpus.split("test"):
        familiarity.add(recording.id, recording.content_hash, corpus.pcm(recording), own)
        yield Take(recording.id, recording.samples, functools.partial(corpus.pcm, recording))


def read_at(path: str | Path, sample_rate: int, resample: bool = False) -> NDArray[np.int16]:
    """The PCM of an audio file at the model's rate, (samples,) int16; UserError at another, unless `resample`."""
    return read_whole(path, sample_rate, resample).pcm


def read_whole(path: str | Path, sample_rate: int, resample: bool) -> Audio:
    """The recording of `read_at`, with its findings."""
    try:
        recording = audio_files.read(path, sample_rate=sample_rate if resample else None)
    except MemoryError as error:
        raise UserError(f"{path}: too little memory for its samples; cut it into shorter recordings") from error
    rate = AudioForm(recording.sample_rate)
    wanted = AudioForm(sample_rate)
    check_form(str(path), rate, wanted, RESAMPLE, parameter="resample")
    return recording


def score(
    model: AnyAudio,
    files: str | Path | Sequence[str | Path],
    *,
    speaker: str | None = None,
    given: str | None = None,
    window: float | None = None,
    engine: str = "auto",
    threads: int | None = None,
    precision: str | None = None,
    resample: bool = False,
    progress: bool = False,
) -> ScoreResult:
    """Bits per sample of recordings, by the engine that `generate` would use: a generated file has the same bits.

    Beside them stand FLAC's bits, and the model's less FLAC's: a likelihood alone calls silence normal and noise odd,
    whatever it was trained on; the difference corrects for the complexity of the sound (Serrà et al., 2020, "Input
    complexity and out-of-distribution detection with likelihood-based generative models"). Bits given a condition have
    no such difference, since FLAC is told nothing.

    Args:
        model: as data or as a torch module.
        files: audio files, folders of them, corpora, whose test files are scored.
        speaker: of all recordings, one of the model's; by default those that corpora tell, others being unknown.
        given: conditions that the model is given: see `wavegen.models.condition_kinds.Kind.parsed`. By default all that
            it takes: the speaker, frames that are computed of each recording.
        window: seconds. Adds the surprisal of each file over time: bits per sample of each window, the bits of FLAC for
            the same window (`wavegen.evaluation.baselines.flac_samples`), and the difference.
        engine: see `wavegen.open_engine`, as for `threads` and `precision`.
        threads: of the cpu engine.
        precision: of the layers' weights; the model's own unless given.
        resample: converts files of another rate than the model's.
        progress: shows a bar on stderr.

    Raises:
        UserError: a recording cannot be read or does not fit the model, or the model does not take a condition.
    """
    begun = time.monotonic()
    data = model.data()
    giver = Giver.of(data, given, speaker)
    found = find_takes([files] if isinstance(files, str | Path) else files, data, resample, progress, giver)
    running = functools.partial(open_engine, model, engine=engine, threads=threads, precision=precision)
    probe = running(streams=1)
    length = max(1, round(window * data.sample_rate)) if window else None
    curves = _curves(fed_by(lambda streams: running(streams=streams)), found.takes, length, data, progress)
    alike = giver.condition is None
    pairs = zip(found.takes, curves, strict=True)
    rows = [_row(take, curve, data.sample_rate, bool(length), alike) for take, curve in pairs]
    result: ScoreResult = {
        "unit": UNIT,
        "engine": probe.name,
        "precision": probe.precision,
        "condition": giver.condition,
        "files": rows,
        **_totals(found.takes, curves, rows, alike),
        "sample_rate": data.sample_rate,
        "model": {**provenance(data)},
        "warnings": [*found.warnings, *far_above_flac(data, rows)],
        "refused": found.refused,
        "seconds": round(time.monotonic() - begun, 3),
    }
    if length is not None:
        result["window"] = length / data.sample_rate
    return result


def _totals(takes: Sequence[Take], curves: Sequence[_Curve], rows: Sequence[ScoredFile], alike: bool) -> ScoreTotals:
    """The bits of all recordings; `alike` as for `_row`."""
    bits = np.array([curve.bits.sum() for curve in curves])
    samples = np.array([take.samples for take in takes])
    flac = float(np.dot([row["flac_bits_per_sample"] for row in rows], samples) / samples.sum())
    return {
        **estimate(bits, samples).bits(),
        "flac_bits_per_sample": round(flac, DIGITS),
        "above_flac": round(float(bits.sum() / samples.sum()) - flac, DIGITS) if alike else None,
        "samples": int(samples.sum()),
    }


class _Curve:
    """The bits of each window of `length` samples of a recording, (windows,) float64, in whatever chunks they come."""

    def __init__(self, samples: int, length: int):
        self.length = length
        self.position = 0
        self.bits = np.zeros(-(-samples // length))
        self.sizes = np.diff(np.append(np.arange(0, samples, length), samples))

    def add(self, bits: NDArray[np.floating]) -> None:
        """The bits of the next samples, (n,); n is 0 where others beside it are longer."""
        if not len(bits):
            return
        window = np.arange(self.position, self.position + len(bits)) // self.length
        first = self.position // self.length
        self.bits[first : window[-1] + 1] += np.bincount(window - first, weights=bits)
        self.position += len(bits)

    def per_sample(self) -> NDArray[np.float64]:
        """Bits per sample of each window."""
        return self.bits / self.sizes


def _curves(
    open_feed: OpenFeed, takes: Sequence[Take], length: int | None, model: Model, progress: bool
) -> list[_Curve]:
    """The bits of each recording in windows of `length` samples, in one window if that is None."""
    curves = [_Curve(take.samples, length or take.samples) for take in takes]
    label = "scoring" if progress else None
    for index, log2_prob in chunks(open_feed, takes, max_samples_at_once(model), label):
        curves[index].add(-log2_prob)
    return curves


def _row(take: Take, curve: _Curve, sample_rate: int, windows: bool, alike: bool) -> ScoredFile:
    """The result of one file; FLAC's bits are counted here, file by file, so that no other file is held.

    `alike` says that the model's bits are of the same question as FLAC's, and may be held against them.
    """
    flac = _Curve(take.samples, curve.length)
    for bits in flac_bits_by_frame(take.pcm(), sample_rate):
        flac.add(bits)
    mean = float(curve.bits.sum() / take.samples)
    flac_mean = float(flac.bits.sum() / take.samples)
    row: ScoredFile = {
        "file": take.name,
        "samples": take.samples,
        "bits_per_sample": round(mean, DIGITS),
        "flac_bits_per_sample": round(flac_mean, DIGITS),
        "above_flac": round(mean - flac_mean, DIGITS) if alike else None,
    }
    if windows:
        row["surprisal"] = curve.per_sample().round(DIGITS).tolist()
        row["flac_surprisal"] = flac.per_sample().round(DIGITS).tolist()
        if alike:
            row["surprisal_above_flac"] = (curve.per_sample() - flac.per_sample()).round(DIGITS).tolist()
    return row

"""Scores recordings from files, folders and corpora with any engine."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

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
from wavegen.evaluation.baselines.flac_samples import flac_bits_per_sample
from wavegen.evaluation.feeding import PREPARE_AGAIN, UNIT, Take, check_form, chunks, most_at_once
from wavegen.evaluation.intervals import estimate
from wavegen.evaluation.provenance import provenance
from wavegen.evaluation.refusals import Refusals
from wavegen.models.familiarity import Familiar, Familiarity, far_above_flac
from wavegen.models.forms import AudioForm
from wavegen.models.model import AnyAudio, Model

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Found(NamedTuple):
    """Recordings to score, what a user should know of them, and files of folders that were refused, with reasons."""

    takes: list[Take]
    warnings: list[str]
    refused: list[dict[str, str]]


def find_takes(sources: Sequence[str | Path], model: Model, resample: bool = False, progress: bool = False) -> Found:
    """The recordings of `sources`: audio files, folders of them, the test files of a corpus.

    Every file is read once, so that a broken one is met before hours of scoring and not after; in a folder it is left
    out. Raises UserError for a file that cannot be read, or whose rate is not the model's unless `resample`, for a
    folder without any other, and for a corpus whose samples are not those that were prepared.
    """
    takes, warnings = [], []
    findings, familiarity, refusals = Findings(), Familiarity(model), Refusals()
    for source in map(Path, sources):
        if is_corpus(source):
            corpus = open_corpus(source)
            check_form(str(source), corpus.form, model.form, PREPARE_AGAIN, parameter="sample_rate")
            warnings += check_corpus(corpus, model, familiarity.provenance.whole)
            verify(corpus, ["test"], progress)
            takes += held_out(corpus, model, familiarity)
            continue
        read = functools.partial(read_whole, sample_rate=model.sample_rate, resample=resample)
        for path, sound in refusals.usable(source, audio_files.find(source), read):
            familiarity.add(str(path), content_hash(sound.pcm), sound.pcm)
            findings.add(str(path), sound.figures, familiarity.tells(str(path)))
            takes.append(Take(str(path), len(sound.pcm), functools.partial(read_at, path, model.sample_rate, resample)))
    if not takes:
        raise UserError(f"{', '.join(map(str, sources))}: no recordings to score; a corpus's test split may be empty")
    odd = findings.listed()
    if any(found["kind"] in CHANNELS_READ for found in odd):
        warnings.insert(0, "compress codes every channel by itself: its bits for such files are not those of score")
    about_files = [*refusals.warnings, *(found["warning"] for found in odd)]
    return Found(takes, [*about_files, *warnings, *familiarity.warnings()], refusals.refused)


def check_corpus(corpus: Corpus, model: Familiar, whole: bool, what: str = "files") -> list[str]:
    """A warning if a model may have been trained on this corpus's held-out recordings and does not know it.

    `whole` says that the model names all that it was trained on.
    """
    if whole or model.metadata.get("corpus_fingerprint") in (None, corpus.fingerprint):
        return []
    return [f"{corpus.path}: not the corpus of this model, which may have been trained on these {what}"]


def held_out(corpus: Corpus, model: Familiar, familiarity: Familiarity) -> Iterator[Take]:
    """The recordings of the test split, which `familiarity` is told of."""
    own = model.metadata.get("corpus_fingerprint") == corpus.fingerprint
    for recording in corpus.split("test"):
        familiarity.add(recording.id, recording.content_hash, corpus.pcm(recording), own)
        yield Take(recording.id, recording.samples, functools.partial(corpus.pcm, recording))


def read_at(path: str | Path, sample_rate: int, resample: bool = False) -> NDArray[np.int16]:
    """The PCM of an audio file at the model's rate, (samples,) int16; UserError at another, unless `resample`."""
    return read_whole(path, sample_rate, resample).pcm


def read_whole(path: str | Path, sample_rate: int, resample: bool) -> Audio:
    """What `read_at` gives the samples of, with what was found on the way."""
    try:
        recording = audio_files.read(path, sample_rate=sample_rate if resample else None)
    except MemoryError as error:
        raise UserError(f"{path}: too little memory for its samples; cut it into shorter recordings") from error
    cure = "give `resample=True` to convert it"
    rate, wanted = AudioForm(recording.sample_rate), AudioForm(sample_rate)
    check_form(str(path), rate, wanted, cure, parameter="resample")
    return recording


def score(
    model: AnyAudio,
    files: str | Path | Sequence[str | Path],
    engine: str = "auto",
    resample: bool = False,
    threads: int | None = None,
    window: float | None = None,
    precision: str | None = None,
    progress: str | None = None,
) -> dict[str, Any]:
    """Bits per sample of audio files, folders or a corpus's test split: what `wavegen score --json` prints.

    The engine is the one that `generate` would use, so a generated file gets the bits that it was made with. Beside
    them stand FLAC's bits and the bits above FLAC's, the model's less FLAC's: a likelihood alone calls silence normal
    and noise odd whatever it was trained on, the difference corrects for how complex the sound is (Serrà et al.,
    2020, "Input complexity and out-of-distribution detection with likelihood-based generative models").
    `window`, seconds, adds each file's `surprise`: the mean bits per sample of each stretch of that length, with what
    FLAC spends on the same stretch (`wavegen.evaluation.baselines.flac_samples`) and the difference.
    Raises UserError for what cannot be read or does not fit the model.
    """
    begun = time.monotonic()
    files = [files] if isinstance(files, str | Path) else files
    data = model.data()
    takes, warnings, refused = find_takes(files, data, resample, progress is not None)
    running = functools.partial(open_engine, model, engine=engine, threads=threads, precision=precision)
    probe = running(streams=1)
    length = max(1, round(window * data.sample_rate)) if window else None
    courses = [_Course(take.samples, length or take.samples) for take in takes]
    for index, log2_prob in chunks(lambda streams: running(streams=streams).feed, takes, most_at_once(data), progress):
        courses[index].add(-log2_prob)
    rows = [_row(take, course, data.sample_rate, bool(window)) for take, course in zip(takes, courses, strict=True)]
    bits, samples = np.array([course.bits.sum() for course in courses]), np.array([take.samples for take in takes])
    flac = float(np.dot([row["flac_bits_per_sample"] for row in rows], samples) / samples.sum())
    result = {
        "unit": UNIT,
        "engine": probe.name,
        "precision": probe.precision,
        "files": rows,
        **estimate(bits, samples),
        "flac_bits_per_sample": round(flac, DIGITS),
        "above_flac": round(float(bits.sum() / samples.sum()) - flac, DIGITS),
        "samples": int(samples.sum()),
        "sample_rate": data.sample_rate,
        "model": provenance(data),
        "warnings": [*warnings, *far_above_flac(data, rows)],
        "refused": refused,
        "seconds": round(time.monotonic() - begun, 3),
    }
    return result | ({"window": length / data.sample_rate} if length else {})


class _Course:
    """The bits of each stretch of `length` samples of a recording, (stretches,) float64, however they come in."""

    def __init__(self, samples: int, length: int):
        self.length, self.position = length, 0
        self.bits = np.zeros(-(-samples // length))
        self.sizes = np.diff(np.append(np.arange(0, samples, length), samples))

    def add(self, bits: NDArray[np.floating]) -> None:
        """The bits of the next samples, (n,); n is 0 where others beside it are longer."""
        if not len(bits):
            return
        stretch = np.arange(self.position, self.position + len(bits)) // self.length
        first = self.position // self.length
        self.bits[first : stretch[-1] + 1] += np.bincount(stretch - first, weights=bits)
        self.position += len(bits)


def _row(take: Take, course: _Course, sample_rate: int, windows: bool) -> dict[str, Any]:
    """What is said of one file; FLAC's bits are counted here, file by file, so that no other is held."""
    flac = _Course(take.samples, course.length)
    flac.add(flac_bits_per_sample(take.pcm(), sample_rate))
    mean, flac_mean = float(course.bits.sum() / take.samples), float(flac.bits.sum() / take.samples)
    row: dict[str, Any] = {
        "file": take.name,
        "samples": take.samples,
        "bits_per_sample": round(mean, DIGITS),
        "flac_bits_per_sample": round(flac_mean, DIGITS),
        "above_flac": round(mean - flac_mean, DIGITS),
    }
    if windows:
        curve, flac_curve = course.bits / course.sizes, flac.bits / flac.sizes
        row["surprise"] = curve.round(DIGITS).tolist()
        row["flac_surprise"] = flac_curve.round(DIGITS).tolist()
        row["surprise_above_flac"] = (curve - flac_curve).round(DIGITS).tolist()
    return row

"""Scores recordings from files, folders and corpora with any engine."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wavegen import audio
from wavegen.data.corpus import open_corpus
from wavegen.density import AudioModel
from wavegen.engine import open_engine
from wavegen.errors import UserError
from wavegen.evaluation import (
    DIGITS,
    SAMPLES_AT_ONCE,
    UNIT,
    Take,
    check_rate,
    chunks,
    estimate,
    provenance,
    windowed,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


def find_takes(
    sources: Sequence[str | Path], model: AudioModel, resample: bool = False
) -> tuple[list[Take], list[str]]:
    """The recordings of `sources` (audio files, folders of them, the test files of a corpus), and warnings.

    Every file is read once, so that a broken one is met before hours of scoring and not after.
    Raises UserError for a file that cannot be read, or whose rate is not the model's unless `resample`.
    """
    takes, warnings = [], []
    for source in map(Path, sources):
        if not (source / "corpus.json").exists():
            takes += [_file(path, model.sample_rate, resample) for path in audio.find(source)]
            continue
        corpus = open_corpus(source)
        check_rate(str(source), corpus.sample_rate, model.sample_rate, "prepare it again with --sample-rate")
        if model.metadata.get("corpus_fingerprint") not in (None, corpus.fingerprint):
            warnings.append(f"{source}: not the corpus of this model, which may have been trained on these files")
        takes += [Take(entry.id, entry.samples, functools.partial(corpus.pcm, entry)) for entry in corpus.split("test")]
    if not takes:
        raise UserError(f"{', '.join(map(str, sources))}: no recordings to score")
    return takes, warnings


def _file(path: Path, sample_rate: int, resample: bool) -> Take:
    pcm = read_at(path, sample_rate, resample)
    return Take(str(path), len(pcm), functools.partial(read_at, path, sample_rate, resample))


def read_at(path: str | Path, sample_rate: int, resample: bool = False) -> NDArray[np.int16]:
    """The PCM of an audio file at the model's rate, (samples,) int16; UserError at another, unless `resample`."""
    recording = audio.read(path, sample_rate=sample_rate if resample else None)
    check_rate(str(path), recording.sample_rate, sample_rate, "give --resample to convert it")
    return recording.pcm


def score(
    model: AudioModel,
    files: str | Path | Sequence[str | Path],
    engine: str = "auto",
    resample: bool = False,
    threads: int | None = None,
    window: float | None = None,
    progress: str | None = None,
) -> dict[str, Any]:
    """Bits per sample of audio files, folders or a corpus's test split: what `wavegen score --json` prints.

    The engine is the one that `generate` would use, so a generated file gets the bits that it was made with.
    `window`, seconds, adds each file's surprise: the mean bits per sample of each stretch of that length.
    Raises UserError for what cannot be read or does not fit the model.
    """
    begun = time.monotonic()
    takes, warnings = find_takes([files] if isinstance(files, str | Path) else files, model, resample)
    running = functools.partial(open_engine, model, engine=engine, threads=threads)
    name = running(streams=1).name
    scored: list[list[NDArray[np.floating]]] = [[] for _ in takes]
    for index, log2_prob in chunks(lambda streams: running(streams=streams).feed, takes, SAMPLES_AT_ONCE, progress):
        scored[index].append(-log2_prob if window else -log2_prob.sum(keepdims=True, dtype=np.float64))
    surprise = [np.concatenate(parts, dtype=np.float64) for parts in scored]
    bits, samples = np.array([file.sum() for file in surprise]), np.array([take.samples for take in takes])
    result = {
        "unit": UNIT,
        "engine": name,
        "files": _rows(takes, bits),
        **estimate(bits, samples),
        "samples": int(samples.sum()),
        "sample_rate": model.sample_rate,
        "model": provenance(model),
        "warnings": warnings,
        "seconds": round(time.monotonic() - begun, 3),
    }
    if window:
        length = max(1, round(window * model.sample_rate))
        result["window"] = length / model.sample_rate
        for row, file in zip(result["files"], surprise, strict=True):
            row["surprise"] = windowed(file, length).round(DIGITS).tolist()
    return result


def _rows(takes: Sequence[Take], bits: NDArray[np.float64]) -> list[dict[str, Any]]:
    return [
        {"file": take.name, "samples": take.samples, "bits_per_sample": round(float(file / take.samples), DIGITS)}
        for take, file in zip(takes, bits, strict=True)
    ]

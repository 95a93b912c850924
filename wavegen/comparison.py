"""Models and baselines in one table, over the same files."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wavegen import baselines
from wavegen.data.corpus import Corpus, open_corpus
from wavegen.density import AudioModel
from wavegen.errors import UserError, nearest
from wavegen.evaluation import PROVENANCE, UNIT, bits_per_file, check_rate, estimate, provenance

if TYPE_CHECKING:
    from numpy.typing import NDArray

FLAC, HISTOGRAM = BASELINES = ("FLAC", "training histogram")


def compare(
    models: Mapping[str, AudioModel],
    corpus: str | Path | Corpus,
    split: str = "test",
    against: str = FLAC,
    progress: bool = False,
) -> dict[str, Any]:
    """Models and baselines over the files of a split of one corpus: what `wavegen compare --json` prints.

    `differences` are those of each model to the row `against`, paired over files.
    Raises UserError when models and corpus do not fit each other, or a name is unknown.
    """
    begun = time.monotonic()
    corpus = corpus if isinstance(corpus, Corpus) else open_corpus(corpus)
    check_fit(models, corpus)
    known = {name.lower(): name for name in (*models, *BASELINES)} | {name: name for name in models}
    if (against := known.get(against, known.get(against.lower(), against))) not in known.values():
        raise UserError(f"--against {against}: no such row{nearest(against, known.values())}")
    if not (recordings := corpus.split(split)):
        raise UserError(f"{corpus.path}: the {split} split is empty; prepare more recordings")
    pcms = [corpus.pcm(recording) for recording in recordings]
    samples = np.array([len(pcm) for pcm in pcms])
    bits = {
        name: bits_per_file(model, pcms, progress=f"scoring {name}" if progress else None)
        for name, model in models.items()
    }
    bits |= _baseline_bits(corpus, pcms)
    rows: list[dict[str, Any]] = [
        {"name": name, "kind": "model" if name in models else "baseline", **estimate(file_bits, samples)}
        | (provenance(models[name]) if name in models else dict.fromkeys(PROVENANCE))
        for name, file_bits in bits.items()
    ]
    return {
        "unit": UNIT,
        "split": split,
        "files": len(pcms),
        "samples": int(samples.sum()),
        "rows": sorted(rows, key=lambda row: row["bits_per_sample"]),
        "differences": [
            {"a": name, "b": against, **estimate(bits[name] - bits[against], samples)}
            for name in models
            if name != against
        ],
        "sample_rate": corpus.sample_rate,
        "corpus": str(corpus.path),
        "corpus_fingerprint": corpus.fingerprint,
        "seconds": round(time.monotonic() - begun, 3),
    }


def check_fit(models: Mapping[str, AudioModel], corpus: Corpus) -> None:
    """Raises UserError, naming the two that differ, unless all models and the corpus belong together.

    A model of another corpus is refused: that corpus may hold among its training files what is held out here.
    """
    place = str(corpus.path)
    for name, model in models.items():
        if name in BASELINES:
            raise UserError(f"{name}: a baseline has this name; rename the model's file or folder")
        check_rate(place, corpus.sample_rate, model.sample_rate, f"{name} cannot be compared there")
    trained = {name: model.metadata.get("corpus_fingerprint") for name, model in models.items()}
    trained = {name: fingerprint for name, fingerprint in trained.items() if fingerprint is not None}
    for name, fingerprint in trained.items():
        first, expected = next(iter(trained.items()))
        if fingerprint != expected:
            raise UserError(
                f"{name} and {first} were trained on different corpora ({fingerprint[:8]}, {expected[:8]}): "
                "what one has not heard the other may have"
            )
        if fingerprint != corpus.fingerprint:
            raise UserError(
                f"{name} was trained on corpus {fingerprint[:8]}, {place} is {corpus.fingerprint[:8]}, "
                "which may hold out what the model was trained on; name the model's own corpus, or use `wavegen score`"
            )


def _baseline_bits(corpus: Corpus, pcms: Sequence[NDArray[np.int16]]) -> dict[str, NDArray[np.float64]]:
    histogram = baselines.Histogram.fit([corpus.pcm(recording) for recording in corpus.split("train")])
    return {
        FLAC: np.array([baselines.flac_bits(pcm, corpus.sample_rate) for pcm in pcms], np.float64),
        HISTOGRAM: np.array([histogram.bits(pcm) for pcm in pcms], np.float64),
    }

"""Nats of pictures: from files, folders and corpora, and of several models beside each other."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from wavegen.baselines.pixels import PixelHistograms
from wavegen.comparison import check_fit
from wavegen.data.corpus import Corpus, open_corpus
from wavegen.engine.base import NOT_FINITE
from wavegen.errors import UserError, nearest
from wavegen.evaluation import DIGITS, PROVENANCE, bits_per_file, bootstrap_interval, check_form, provenance
from wavegen.grid import Grid
from wavegen.picture_density import PictureModel
from wavegen.sheets import read_sheet

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNIT = "nats/picture"
BASELINE = PixelHistograms()


def score_pictures(
    model: PictureModel, sources: str | Path | Sequence[str | Path], progress: str | None = None
) -> dict[str, Any]:
    """Nats of PNG files, of all in a folder, or of a corpus's test split: what `wavegen score --json` prints.

    A PNG that is a sheet of pictures has a row for each of them. Raises UserError for what cannot be read or does not
    fit the model.
    """
    begun = time.monotonic()
    names, pictures, warnings = _found([sources] if isinstance(sources, str | Path) else sources, model)
    nats = _nats(model, pictures, progress)
    dimensions = model.grid.dimensions
    return {
        "unit": UNIT,
        "precision": "float32",
        "files": [
            {"file": name, "nats": round(value, DIGITS), "bits_per_dimension": _per_dimension(value, dimensions)}
            for name, value in zip(names, nats.tolist(), strict=True)
        ],
        **_estimate(nats, dimensions),
        "pictures": len(nats),
        "model": provenance(model),
        "warnings": warnings,
        "seconds": round(time.monotonic() - begun, 3),
    }


def _nats(model: PictureModel, pictures: Sequence[NDArray[np.int16]], progress: str | None) -> NDArray[np.float64]:
    """Of each picture, (pictures,). Raises UserError if they are not finite."""
    nats = bits_per_file(model, pictures, progress=progress) * math.log(2)
    if not np.isfinite(nats).all():
        raise UserError(NOT_FINITE)
    return nats


def _found(sources: Sequence[str | Path], model: PictureModel) -> tuple[list[str], list[NDArray[np.int16]], list[str]]:
    """What to call each picture of `sources`, its (dimensions,) levels, and warnings. Raises UserError."""
    names: list[str] = []
    pictures: list[NDArray[np.int16]] = []
    warnings = []
    for source in map(Path, sources):
        if (source / "corpus.json").exists():
            corpus = open_corpus(source)
            check_form(str(source), corpus.form, model.form, "score a corpus of such pictures")
            if model.metadata.get("corpus_fingerprint") not in (None, corpus.fingerprint):
                warnings.append(
                    f"{source}: not the corpus of this model, which may have been trained on these pictures"
                )
            names += [recording.id for recording in corpus.split("test")]
            pictures += list(corpus.pcms("test"))
            continue
        for path in sorted(source.rglob("*.png")) if source.is_dir() else [source]:
            found = read_sheet(path, model.grid)
            names += [str(path)] if len(found) == 1 else [f"{path}[{index}]" for index in range(len(found))]
            pictures += list(found.reshape(len(found), -1))
    if not pictures:
        raise UserError(f"{', '.join(map(str, sources))}: no pictures to score")
    return names, pictures, warnings


def compare_pictures(
    models: Mapping[str, PictureModel],
    corpus: str | Path | Corpus,
    split: str = "test",
    against: str | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Models and independent pixels over a split of one corpus of pictures: what `wavegen compare --json` prints.

    `differences` are those of every other row to the row `against`, by default the independent pixels, paired over
    pictures. Raises UserError when models and corpus do not fit each other, or a name is unknown.
    """
    begun = time.monotonic()
    corpus = corpus if isinstance(corpus, Corpus) else open_corpus(corpus)
    check_fit(models, corpus)
    if BASELINE.name in models:
        raise UserError(f"{BASELINE.name}: another row has this name; name the model, as in MINE=MODEL")
    names = [*models, BASELINE.name]
    against = BASELINE.name if against is None else against
    if against not in names:
        raise UserError(f"--against {against}: no such row{nearest(against, names)}")
    pictures = list(corpus.pcms(split))
    if not pictures:
        raise UserError(f"{corpus.path}: the {split} split is empty; prepare more pictures")
    nats = dict(_nats_of_rows(models, corpus, pictures, progress))
    grid = next(iter(models.values())).grid
    rows: list[dict[str, Any]] = [
        {"name": name, "kind": "model" if name in models else "baseline"}
        | _estimate(values, grid.dimensions)
        | _origin(models.get(name), grid.dimensions)
        for name, values in nats.items()
    ]
    return {
        "unit": UNIT,
        "split": split,
        "pictures": len(pictures),
        "grid": str(grid),
        "rows": sorted(rows, key=lambda row: row["nats"]),
        "differences": list(_differences(nats, against, grid.dimensions)),
        "corpus": str(corpus.path),
        "corpus_fingerprint": corpus.fingerprint,
        "seconds": round(time.monotonic() - begun, 3),
    }


def _nats_of_rows(
    models: Mapping[str, PictureModel], corpus: Corpus, pictures: Sequence[NDArray[np.int16]], progress: bool
) -> Iterable[tuple[str, NDArray[np.float64]]]:
    """The name of each row and the nats of each picture, (pictures,)."""
    for name, model in models.items():
        yield name, bits_per_file(model, pictures, progress=f"scoring {name}" if progress else None) * math.log(2)
    yield BASELINE.name, BASELINE.bits(pictures, cast(Grid, corpus.form), corpus.pcms("train")) * math.log(2)


def _origin(model: PictureModel | None, dimensions: int) -> dict[str, Any]:
    """What only models have: size, cost, training, hashes."""
    found = dict.fromkeys(PROVENANCE) if model is None else provenance(model)
    seen = found["samples_seen"]
    return found | {"pictures_seen": None if seen is None else seen // dimensions}


def _differences(nats: Mapping[str, NDArray[np.float64]], against: str, dimensions: int) -> Iterable[dict[str, Any]]:
    for name in sorted(nats, key=lambda name: nats[name].mean()):
        if name != against:
            yield {"a": name, "b": against, **_estimate(nats[name] - nats[against], dimensions)}


def _estimate(nats: NDArray[np.float64], dimensions: int) -> dict[str, float | None]:
    """The mean of (pictures,) nats with its interval, and the same in bits a dimension."""
    low, high = bootstrap_interval(nats, np.ones(len(nats), np.int64))
    mean = float(nats.mean())
    found = {"nats": mean, "low": low, "high": high}
    rounded = {key: None if value is None else round(value, DIGITS) for key, value in found.items()}
    return rounded | {"bits_per_dimension": _per_dimension(mean, dimensions)}


def _per_dimension(nats: float, dimensions: int) -> float:
    return round(nats / math.log(2) / dimensions, DIGITS)

"""Nats of pictures: from files, folders and corpora, and of several models beside each other."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wavegen.audio.files import content_hash
from wavegen.constants import DIGITS
from wavegen.data.corpus import Corpus, open_corpus
from wavegen.data.format import is_corpus
from wavegen.data.picture_files import read_sheet
from wavegen.data.verification import verify
from wavegen.engine.base import NOT_FINITE
from wavegen.errors import UserError, nearest
from wavegen.evaluation.audio import Found, check_corpus, held_out
from wavegen.evaluation.baselines.pixels import PixelHistograms
from wavegen.evaluation.comparison import check_fit, check_unheard
from wavegen.evaluation.feeding import Take, check_form
from wavegen.evaluation.intervals import bootstrap_interval
from wavegen.evaluation.provenance import PROVENANCE, provenance
from wavegen.evaluation.refusals import Refusals
from wavegen.evaluation.teacher_forcing import bits_per_file
from wavegen.models.familiarity import Familiarity
from wavegen.models.pictures import PictureModel

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
    found = find_pictures([sources] if isinstance(sources, str | Path) else sources, model, progress is not None)
    names, pictures = [take.name for take in found.takes], [take.pcm() for take in found.takes]
    nats = _nats(model, pictures, progress)
    dimensions = model.form.dimensions
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
        "warnings": found.warnings,
        "refused": found.refused,
        "seconds": round(time.monotonic() - begun, 3),
    }


def _nats(model: PictureModel, pictures: Sequence[NDArray[np.int16]], progress: str | None) -> NDArray[np.float64]:
    """Of each picture, (pictures,). Raises UserError if they are not finite."""
    nats = bits_per_file(model, pictures, progress=progress) * math.log(2)
    if not np.isfinite(nats).all():
        raise UserError(NOT_FINITE)
    return nats


def find_pictures(sources: Sequence[str | Path], model: PictureModel, progress: bool = False) -> Found:
    """The pictures of `sources`: PNG files, folders of them, the test pictures of a corpus.

    A file of a folder that cannot be read is left out. Raises UserError for any other, for a folder without any, and
    for a corpus whose pictures are not those that were prepared.
    """
    takes, warnings = [], []
    familiarity, refusals = Familiarity(model), Refusals()
    for source in map(Path, sources):
        if is_corpus(source):
            corpus = open_corpus(source)
            check_form(str(source), corpus.form, model.form, "score a corpus of such pictures")
            warnings += check_corpus(corpus, model, familiarity.provenance.whole, "pictures")
            verify(corpus, ["test"], progress)
            takes += held_out(corpus, model, familiarity)
            continue
        for path, sheet in refusals.usable(source, png_files(source), functools.partial(read_sheet, form=model.form)):
            for take in of_sheet(path, sheet):
                familiarity.add(take.name, content_hash(take.pcm()), take.pcm())
                takes.append(take)
    if not takes:
        raise UserError(f"{', '.join(map(str, sources))}: no pictures to score")
    return Found(takes, [*refusals.warnings, *warnings, *familiarity.warnings("pictures")], refusals.refused)


def png_files(source: Path) -> list[Path]:
    """The PNG files of a folder and the folders below; a file is itself."""
    return sorted(source.rglob("*.png")) if source.is_dir() else [source]


def of_sheet(path: Path, sheet: NDArray[np.int16]) -> Iterator[Take]:
    """Each picture of a sheet, (pictures, …) levels."""
    for index, picture in enumerate(sheet.reshape(len(sheet), -1)):
        name = str(path) if len(sheet) == 1 else f"{path}[{index}]"
        yield Take(name, picture.size, functools.partial(np.asarray, picture))


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
    check_unheard(models, corpus, split)
    if BASELINE.name in models:
        raise UserError(f"{BASELINE.name}: another row has this name; name the model, as in MINE=MODEL")
    names = [*models, BASELINE.name]
    against = BASELINE.name if against is None else against
    if against not in names:
        raise UserError(f"`against={against!r}`: no such row{nearest(against, names)}", parameter="against")
    pictures = list(corpus.pcms(split))
    if not pictures:
        raise UserError(f"{corpus.path}: the {split} split is empty; prepare more pictures")
    verify(corpus, {split, "train"}, progress)
    nats = dict(_nats_of_rows(models, corpus, pictures, progress))
    form = next(iter(models.values())).form
    rows: list[dict[str, Any]] = [
        {"name": name, "kind": "model" if name in models else "baseline"}
        | _estimate(values, form.dimensions)
        | _origin(models.get(name), form.dimensions)
        for name, values in nats.items()
    ]
    return {
        "unit": UNIT,
        "split": split,
        "pictures": len(pictures),
        "grid": str(form),
        "rows": sorted(rows, key=lambda row: row["nats"]),
        "differences": list(_differences(nats, against, form.dimensions)),
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
    yield BASELINE.name, BASELINE.bits(pictures, next(iter(models.values())).form, corpus.pcms("train")) * math.log(2)


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

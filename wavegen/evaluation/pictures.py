"""Nats of pictures: from files, folders and corpora, and of several models beside each other."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wavegen.audio.files import content_hash
from wavegen.constants import DIGITS
from wavegen.data.corpus import Corpus, open_corpus
from wavegen.data.format import is_corpus
from wavegen.data.picture_files import read_tiles
from wavegen.data.verification import verify
from wavegen.engine.base import NOT_FINITE
from wavegen.errors import UserError
from wavegen.evaluation.audio import Found, check_corpus, held_out
from wavegen.evaluation.baselines.pixels import PixelHistograms
from wavegen.evaluation.checks import check_fit, check_held_out
from wavegen.evaluation.comparison import row_named
from wavegen.evaluation.feeding import Take, check_form
from wavegen.evaluation.intervals import Estimate, estimate, rounded
from wavegen.evaluation.provenance import provenance, row_provenance
from wavegen.evaluation.refusals import Refusals
from wavegen.evaluation.results import Nats, PictureCompareResult, PictureRow, PictureScoreResult
from wavegen.evaluation.table import Table
from wavegen.evaluation.teacher_forcing import bits_per_file
from wavegen.models.familiarity import Familiarity
from wavegen.models.pictures import PictureModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNIT = "nats/picture"
BASELINE = PixelHistograms()


def score_pictures(
    model: PictureModel, files: str | Path | Sequence[str | Path], *, progress: bool = False
) -> PictureScoreResult:
    """Nats of pictures. A PNG of several tiles has a row for each tile.

    Args:
        model: the torch module.
        files: PNG files, folders of them, corpora, whose test pictures are scored.
        progress: shows a bar on stderr.

    Raises:
        UserError: a picture cannot be read or does not fit the model.
    """
    begun = time.monotonic()
    found = find_pictures([files] if isinstance(files, str | Path) else files, model, progress)
    names = [take.name for take in found.takes]
    pictures = [take.pcm() for take in found.takes]
    nats = _nats(model, pictures, "scoring" if progress else None)
    dimensions = model.form.dimensions
    return {
        "unit": UNIT,
        "precision": "float32",
        "files": [
            {"file": name, "nats": round(value, DIGITS), "bits_per_dimension": _per_dimension(value, dimensions)}
            for name, value in zip(names, nats.tolist(), strict=True)
        ],
        **_nats_of(estimate(nats, np.ones(len(nats), np.int64)), dimensions),
        "pictures": len(nats),
        "model": {**provenance(model)},
        "warnings": found.warnings,
        "refused": found.refused,
        "seconds": round(time.monotonic() - begun, 3),
    }


def _nats(model: PictureModel, pictures: Sequence[NDArray[np.int16]], label: str | None) -> NDArray[np.float64]:
    """Of each picture, (pictures,). Raises UserError if they are not finite."""
    nats = bits_per_file(model, pictures, label=label) * math.log(2)
    if not np.isfinite(nats).all():
        raise UserError(NOT_FINITE)
    return nats


def find_pictures(sources: Sequence[str | Path], model: PictureModel, progress: bool = False) -> Found:
    """Finds the pictures to score.

    Args:
        sources: PNG files, folders of them, corpora, whose test pictures are scored.
        model: that is to score them.
        progress: shows a bar on stderr while corpora are verified.

    Raises:
        UserError: a file cannot be read (in a folder it is left out, if others are usable), or the pictures of a corpus
            are not those that were prepared.
    """
    takes: list[Take] = []
    warnings: list[str] = []
    familiarity = Familiarity(model)
    refusals = Refusals()
    for source in map(Path, sources):
        if is_corpus(source):
            corpus = open_corpus(source)
            check_form(str(source), corpus.form, model.form, "score a corpus of such pictures")
            warnings += check_corpus(corpus, model, familiarity.provenance.whole, "pictures")
            verify(corpus, ["test"], progress)
            takes += held_out(corpus, model, familiarity)
            continue
        for path, tiles in refusals.usable(source, png_files(source), functools.partial(read_tiles, form=model.form)):
            takes += known_of_tiles(path, tiles, familiarity)
    if not takes:
        raise UserError(f"{', '.join(map(str, sources))}: no pictures to score")
    return Found(takes, [*refusals.warnings, *warnings, *familiarity.warnings("pictures")], refusals.refused)


def png_files(source: Path) -> list[Path]:
    """The PNG files of a folder and the folders below; a file is itself."""
    return sorted(source.rglob("*.png")) if source.is_dir() else [source]


def known_of_tiles(path: Path, tiles: NDArray[np.int16], familiarity: Familiarity) -> list[Take]:
    """Each picture of a PNG's tiles, (pictures, …) levels, which are added to `familiarity`."""
    takes = list(of_tiles(path, tiles))
    for take in takes:
        familiarity.add(take.name, content_hash(take.pcm()), take.pcm())
    return takes


def of_tiles(path: Path, tiles: NDArray[np.int16]) -> Iterator[Take]:
    """Each picture of a PNG's tiles, (pictures, …) levels."""
    for index, picture in enumerate(tiles.reshape(len(tiles), -1)):
        name = str(path) if len(tiles) == 1 else f"{path}[{index}]"
        yield Take(name, picture.size, functools.partial(np.asarray, picture))


def compare_pictures(
    models: Mapping[str, PictureModel],
    corpus: str | Path | Corpus,
    *,
    split: str = "test",
    against: str | None = None,
    progress: bool = False,
) -> PictureCompareResult:
    """Models and independent pixels over a split of one corpus of pictures.

    Args:
        models: by the names of their rows.
        corpus: a prepared corpus of pictures, or its folder.
        split: whose pictures are scored.
        against: the row that is subtracted from every other; the independent pixels unless given.
        progress: shows bars on stderr.

    Returns:
        The rows, and the differences to the row `against`, paired over pictures.

    Raises:
        UserError: models and corpus do not fit each other, or a name is unknown.
    """
    begun = time.monotonic()
    corpus = corpus if isinstance(corpus, Corpus) else open_corpus(corpus)
    check_fit(models, corpus, [BASELINE.name])
    check_held_out(models, corpus, split)
    against = BASELINE.name if against is None else row_named(against, [*models, BASELINE.name], {}, {})
    pictures = list(corpus.pcms(split))
    if not pictures:
        raise UserError(f"{corpus.path}: the {split} split is empty; prepare more pictures")
    verify(corpus, {split, "train"}, progress)
    totals = dict(_nats_of_rows(models, corpus, pictures, progress))
    table = Table(totals, np.ones(len(pictures), np.int64))
    form = next(iter(models.values())).form
    return {
        "unit": UNIT,
        "split": split,
        "pictures": len(pictures),
        "picture_shape": form.sizes,
        "rows": [_row(name, found, models.get(name), form.dimensions) for name, found in table.ranked().items()],
        "differences": [
            {"a": a, "b": b, **_nats_of(found, form.dimensions)} for a, b, found in table.differences([against])
        ],
        "corpus": str(corpus.path),
        "corpus_fingerprint": corpus.fingerprint,
        "seconds": round(time.monotonic() - begun, 3),
    }


def _nats_of_rows(
    models: Mapping[str, PictureModel], corpus: Corpus, pictures: Sequence[NDArray[np.int16]], progress: bool
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """The name of each row and the nats of each picture, (pictures,)."""
    for name, model in models.items():
        yield name, bits_per_file(model, pictures, label=f"scoring {name}" if progress else None) * math.log(2)
    yield BASELINE.name, BASELINE.bits(pictures, next(iter(models.values())).form, corpus.pcms("train")) * math.log(2)


def _row(name: str, found: Estimate, model: PictureModel | None, dimensions: int) -> PictureRow:
    about = row_provenance(model)
    seen = about["samples_seen"]
    return {
        "name": name,
        "kind": "baseline" if model is None else "model",
        **_nats_of(found, dimensions),
        **about,
        "pictures_seen": None if seen is None else seen // dimensions,
    }


def _nats_of(found: Estimate, dimensions: int) -> Nats:
    """Mean nats of a picture with their interval, and the same in bits a dimension."""
    return {
        "nats": round(found.mean, DIGITS),
        "low": rounded(found.low),
        "high": rounded(found.high),
        "bits_per_dimension": _per_dimension(found.mean, dimensions),
    }


def _per_dimension(nats: float, dimensions: int) -> float:
    return round(nats / math.log(2) / dimensions, DIGITS)

"""Makes corpora of pictures: a picture is a recording of all its numbers, row by row."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wavegen.audio.files import content_hash
from wavegen.data.format import PCM, is_corpus, write_description
from wavegen.data.index import IndexWriter, Recording
from wavegen.data.preparing.picture_sets import PICTURE_SETS, Part, PictureSet
from wavegen.data.preparing.workfolder import PURPOSE, keep_if_for, work_folder
from wavegen.data.results import PictureAudit
from wavegen.data.splits import SPLITS
from wavegen.errors import UserError, nearest
from wavegen.models.forms import PictureForm
from wavegen.system.progress import Bar, progress_bar

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEED = 0  # of binarisation, once and for all: likelihoods under different draws cannot be compared
AT_ONCE = 1000  # pictures


def picture_set_meant(given: Sequence[str]) -> str | None:
    """The set of pictures that [NAME] SOURCE CORPUS of `prepare` begin with; None if it is none.

    A bundled one has no SOURCE, and a folder of its name goes before it.
    """
    name = given[0]
    if name in PICTURE_SETS and (len(given) == 3 or (PICTURE_SETS[name].bundled and not _is_folder(name))):
        return name
    return None


def _is_folder(name: str) -> bool:
    """Whether a folder of recordings has that name, and not a corpus that was made of the set."""
    return Path(name).exists() and not is_corpus(Path(name))


def prepare_pictures(
    name: str,
    source: str | Path | None,
    corpus: str | Path,
    *,
    levels: int | None = None,
    force: bool = False,
    progress: bool = False,
) -> PictureAudit:
    """Reads a known set of pictures into a new corpus folder.

    Args:
        name: of the set: "mnist" or "digits".
        source: the folder of its files; None for a bundled set.
        corpus: a new or empty folder.
        levels: 2 draws each pixel once and for all, 1 with its grey value's share of white as the probability:
            stochastic binarisation, Salakhutdinov & Murray (2008), "On the quantitative analysis of deep belief
            networks", section 5. Fewer levels than the set has are cells of even width. None is the set's usual number.
        force: replace a corpus that is in the folder.
        progress: shows a bar on stderr.

    Returns: the audit, which corpus.json keeps.

    Raises UserError.
    """
    if name not in PICTURE_SETS:
        raise UserError(f"{name}: is not a known set of pictures{nearest(name, PICTURE_SETS)}")
    known = PICTURE_SETS[name]
    if known.bundled != (source is None):
        if known.bundled:
            raise UserError(f"{name}: comes with wavegen, leave out its folder")
        raise UserError(f"{name}: lies in a folder, which is missing")
    levels = known.usual if levels is None else levels
    if not 2 <= levels <= known.levels:
        said = f"the pictures of {name} have {known.levels} levels; give 2 to {known.levels}"
        raise UserError(f"`levels={levels}`: {said}", parameter="levels")
    with work_folder(Path(corpus), force) as folder:
        keep_if_for(folder, {"pictures": name, "levels": levels})
        parts = list(known.read(None if source is None else Path(source)))
        with progress_bar(
            sum(len(part.pictures) for part in parts), f"preparing {name}" if progress else None, " pictures"
        ) as bar:
            return _write(folder, known, parts, levels, bar)


class _Tally:
    """The audit's figures of pictures, gathered while they are written."""

    def __init__(self, form: PictureForm):
        self.form = form
        self.counts = np.zeros(form.levels, np.int64)
        self.splits = Counter[str]()
        self.duplicates: list[list[str]] = []
        self._first: dict[str, str] = {}  # by the hash of a picture's grey values

    def add(self, recording: Recording, picture: NDArray[np.int64], grey: NDArray[np.uint8]) -> None:
        """A picture and the grey values that it was made of, (dimensions,) each."""
        self.counts += np.bincount(picture, minlength=self.form.levels)
        self.splits[recording.split] += 1
        first = self._first.setdefault(content_hash(grey.astype(np.int16)), recording.id)
        if first != recording.id:
            self.duplicates.append([first, recording.id])

    def audit(self) -> PictureAudit:
        form = self.form
        total = float(self.counts.sum())
        return {
            "picture_shape": form.sizes,
            "pictures": sum(self.splits.values()),
            "splits": {split: {"pictures": self.splits[split]} for split in SPLITS},
            "mean_level": float(self.counts @ np.arange(form.levels)) / total,
            "commonest_level": float(self.counts.max()) / total,
            "duplicates": self.duplicates,
        }


def _write(folder: Path, known: PictureSet, parts: Sequence[Part], levels: int, bar: Bar) -> PictureAudit:
    form = _form(parts, levels)
    random = np.random.Philox(key=SEED)  # whose numbers are the same in every version of NumPy
    tally = _Tally(form)
    with IndexWriter(folder, form) as writer, open(folder / PCM, "wb") as pcm:
        for part in parts:
            for start in range(0, len(part.pictures), AT_ONCE):
                grey = part.pictures[start : start + AT_ONCE].reshape(-1, form.dimensions)
                pictures = quantised(grey, known.levels, levels, random)
                pcm.write(pictures.astype("<i2").data)
                for index, (picture, shades) in enumerate(zip(pictures, grey, strict=True), start):
                    recording = _recording(part, index, picture, writer.samples)
                    writer.add(recording)
                    tally.add(recording, picture, shades)
                bar.update(len(pictures))
        pcm.flush()
        os.fsync(pcm.fileno())
        index = writer.summary()
    audit = tally.audit()
    write_description(folder, {**form.entry, **index, "set": known.name, "audit": audit})
    (folder / PURPOSE).unlink()
    return audit


def _form(parts: Sequence[Part], levels: int) -> PictureForm:
    """The form that the pictures of all parts have. Raises UserError if there is none."""
    shape = parts[0].pictures.shape[1:]
    for part in parts:
        if part.pictures.shape[1:] != shape:
            sizes = " and ".join(f"{height} x {width}" for height, width, _ in (shape, part.pictures.shape[1:]))
            raise UserError(f"{part.source}: pictures of two sizes, {sizes}; take all files from one set")
    try:
        height, width, channels = shape
        return PictureForm(height, width, channels, levels)
    except ValueError as error:
        raise UserError(f"{parts[0].source}: {error}") from error


def _recording(part: Part, index: int, picture: np.ndarray, offset: int) -> Recording:
    return Recording(
        id=f"{part.name}/{index:05}",
        split=part.splits[index],
        speaker=None,
        offset=offset,
        samples=len(picture),
        content_hash=content_hash(picture.astype(np.int16)),
        source=part.source,
        transcript=str(part.labels[index]),
    )


def describe(audit: PictureAudit) -> str:
    """The audit for a person to read, two lines or three."""
    splits = ", ".join(f"{name} {audit['splits'][name]['pictures']}" for name in SPLITS)
    lines = [
        f"{audit['pictures']} pictures, {PictureForm(**audit['picture_shape'])} ({splits})",
        f"mean level {audit['mean_level']:.3f}; {audit['commonest_level']:.1%} of all are of one level",
    ]
    if audit["duplicates"]:
        first = " = ".join(audit["duplicates"][0])
        lines.append(f"{len(audit['duplicates'])} pictures are the same as others before they were drawn: {first} …")
    return "\n".join(lines)


def quantised(grey: np.ndarray, given: int, levels: int, random: np.random.Philox) -> np.ndarray:
    """Pictures of `given` levels, (number, dimensions) uint8, in fewer; two levels are drawn. The same shape, int64."""
    grey = grey.astype(np.int64)
    if levels != 2:
        return grey * levels // given
    drawn = random.random_raw(grey.size).reshape(grey.shape) >> np.uint64(40)  # 24 bits, of which the sums are exact
    return (drawn.astype(np.int64) * (given - 1) < grey << 24).astype(np.int64)

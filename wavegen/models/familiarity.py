"""Warns of recordings that a model was trained on, or that are far from all of its training recordings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypedDict

import numpy as np

from wavegen.audio.files import content_hash
from wavegen.models.forms import Form
from wavegen.models.metadata import Metadata
from wavegen.models.ranges import QUANTITIES, RANGES, SILENCE, Ranges
from wavegen.models.training_provenance import Provenance
from wavegen.wording import listed

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The kind of finding (`wavegen.audio.examination`) that is the same fact as a figure outside the training ranges.
SAME = {
    "offset": "dc", "wandering offset": "dc", "silence": "level", "quiet": "level", "quiet before rounding": "level",
    "empty band": "upper",
}  # fmt: skip
SILENT = "silence"  # instead of so many decibels
FAR_ABOVE_FLAC = 1.0  # bits per sample: as if the model's errors were twice FLAC's; trained networks are below FLAC


class Familiar(Protocol):
    """A model of any kind, as data or as a torch module."""

    @property
    def metadata(self) -> Metadata: ...
    @property
    def form(self) -> Form: ...


class Familiarity:
    """Gathers the recordings that a model is to score or continue; `warnings` has a line on each odd one."""

    def __init__(self, model: Familiar):
        self.form = model.form
        self.provenance = Provenance.of(model.metadata)
        self.ranges = Ranges.decode(model.metadata[RANGES]) if RANGES in model.metadata else None
        self.number = 0
        self.trained: list[str] = []
        self.validated: list[str] = []
        self.first: dict[str, str] = {}  # the name of the first recording of each content
        self.repeated: list[str] = []
        self.far: dict[str, dict[str, float]] = {}  # by quantity, by name

    def add(self, name: str, content: str, pcm: NDArray[np.int16] | None, own: bool = False) -> None:
        """Adds a recording.

        Args:
            name: for warnings.
            content: its content hash.
            pcm: its samples, (samples,); None is not measured.
            own: it is held out in the model's own corpus: only a model whose weights this one started from may have
                been trained on it.
        """
        self.look_up(name, content, pcm, own)
        if pcm is not None and self.ranges is not None:
            self.add_figures(name, self.form.figures(pcm))

    def look_up(self, name: str, content: str, pcm: NDArray[np.int16] | None, own: bool = False) -> None:
        """Adds a recording without measuring it; its samples serve only models whose corpus was cut into pieces."""
        self.number += 1
        if content in self.first:
            self.repeated.append(f"{name} = {self.first[content]}")
        self.first.setdefault(content, name)
        known = self.provenance
        hashes = [content] if own else [content, *self._pieces(pcm)]
        if any(known.earlier(one) or (not own and known.trained_on(one)) for one in hashes):
            self.trained.append(name)
        elif not own and any(map(known.validated_on, hashes)):
            self.validated.append(name)

    def add_figures(self, name: str, figures: Mapping[str, float]) -> None:
        """Adds the figures of a recording that was measured already; it is not counted."""
        if self.ranges is None:
            return
        for key in self.ranges.outside(figures):
            self.far.setdefault(key, {})[name] = figures[key]

    def tells(self, name: str) -> set[str]:
        """The kinds of findings on a recording that `warnings` covers."""
        return {kind for kind, key in SAME.items() if name in self.far.get(key, {})}

    def _pieces(self, pcm: NDArray[np.int16] | None) -> list[str]:
        """The content hashes of the pieces that the model's corpus would have of a recording."""
        if pcm is None or self.provenance.cut is None:
            return []
        return [content_hash(piece) for piece in self.form.pieces(pcm, self.provenance.cut)]

    @property
    def seen(self) -> list[str]:
        """The names of those that the model was trained or validated on."""
        return self.trained + self.validated

    def warnings(self, what: str = "files") -> list[str]:
        """The warnings, a line each; `what` is the word for the recordings."""
        return [*self._seen(what), *self._far()]

    def repeats(self) -> list[str]:
        """A line on recordings that came more than once, by one name or by several."""
        if not self.repeated:
            return []
        has, counts = ("has", "counts") if len(self.repeated) == 1 else ("have", "count")
        said = f"{len(self.repeated)} of these {self.number} files {has} the samples of an earlier one"
        return [f"{said}, and {counts} again in the mean and its interval: {listed(self.repeated)}"]

    def _seen(self, what: str) -> Iterable[str]:
        if not self.seen:
            return
        how = "trained on" if self.trained else "validated on"
        if self.provenance.short or (self.trained and self.validated):
            how = "trained or validated on"
        if self.number == 1:
            yield f"{self.seen[0]}: this model was {how} it; a new recording costs more bits"
            return
        least = "" if self.provenance.whole else "at least "
        each = f" ({len(self.trained)} and {len(self.validated)})" if self.trained and self.validated else ""
        yield (
            f"this model was {how} {least}{len(self.seen)}{each} of these {self.number} {what}: {listed(self.seen)}; "
            "new recordings cost more bits"
        )

    def _far(self) -> Iterable[str]:
        for key, values in self.far.items():
            quantity = QUANTITIES[key]
            assert self.ranges is not None, "only ranges have an outside"
            silent = SILENCE if key == "level" else -math.inf
            said = {name: quantity.text(value) if value > silent else SILENT for name, value in values.items()}
            names = listed([f"{name} ({figure})" for name, figure in said.items()])
            yield (
                f"{names}: outside the training recordings' {quantity.between(self.ranges.between[key])}; "
                "the model was trained on nothing like it, so bits say little"
            )


class AboveFlac(TypedDict):
    """A file, and the bits per sample that it costs above FLAC, None where they are not held against it."""

    file: str
    above_flac: float | None


def far_above_flac(model: Familiar, rows: Sequence[AboveFlac]) -> list[str]:
    """A line on files that cost a model without training ranges far more than FLAC; `rows` are those of `score`."""
    far = [
        f"{row['file']} ({above:+.1f})"
        for row in rows
        if (above := row["above_flac"]) is not None and above > FAR_ABOVE_FLAC
    ]
    if RANGES in model.metadata or not far:
        return []
    return [
        f"{listed(far)}: over {FAR_ABOVE_FLAC:g} bit per sample above FLAC; they may be unlike all that this model was "
        "trained on, of which its file says nothing"
    ]


def far_from(models: Mapping[str, Familiar], names: Sequence[str], pcms: Sequence[NDArray[np.int16]]) -> list[str]:
    """Lines on recordings of sound that are far from the training recordings of one of several models.

    Args:
        models: by name.
        names: of the recordings.
        pcms: of the recordings, (samples,) each.
    """
    familiar = {name: Familiarity(model) for name, model in models.items()}
    if not any(one.ranges for one in familiar.values()):
        return []
    form = next(iter(models.values())).form  # they are compared on one corpus
    for name, pcm in zip(names, pcms, strict=True):
        figures = form.figures(pcm)
        for one in familiar.values():
            one.add_figures(name, figures)
    return [f"{name}: {line}" for name, one in familiar.items() for line in one.warnings()]

"""What a user should know of recordings and a model: trained on, or far from all that it was trained on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from wavegen.audio.files import content_hash
from wavegen.models.forms import Form
from wavegen.models.ranges import QUANTITIES, RANGES, SILENCE, Ranges, sound_figures
from wavegen.models.training_provenance import Provenance
from wavegen.wording import listed

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The kinds of findings (`wavegen.audio.examination`) that are one fact with a figure outside the training recordings'.
SAME = {"offset": "dc", "silence": "level", "quiet": "level", "quiet before rounding": "level", "empty band": "upper"}
SILENT = "silence"  # in place of so many decibels
FAR_ABOVE_FLAC = 1.0  # bits per sample: as if the model's errors were twice FLAC's; trained networks are below FLAC


class Familiar(Protocol):
    """A model of any kind, as data or as a torch module."""

    @property
    def metadata(self) -> Any: ...
    @property
    def form(self) -> Form: ...


class Familiarity:
    """Gathers recordings that a model is to score or go on from; `warnings` says what is odd about them."""

    def __init__(self, model: Familiar):
        self.form = model.form
        self.provenance = Provenance.of(model.metadata)
        self.ranges = Ranges.decode(model.metadata[RANGES]) if RANGES in model.metadata else None
        self.number = 0
        self.trained: list[str] = []
        self.validated: list[str] = []
        self.far: dict[str, dict[str, float]] = {}  # by quantity, by name

    def add(self, name: str, content: str | None, pcm: NDArray[np.int16] | None, own: bool = False) -> None:
        """A recording by its content hash and its samples, (samples,); what is None is not looked at.

        `own` says that it is held out in the model's own corpus: then only another model, whose weights this one
        started from, may have been trained on it.
        """
        if content is None:
            self.number += 1
        else:
            self.look_up(name, content, pcm, own)
        if pcm is not None and self.ranges is not None:
            self.add_figures(name, self.form.figures(pcm))

    def look_up(self, name: str, content: str, pcm: NDArray[np.int16] | None, own: bool = False) -> None:
        """A recording whose figures are not looked at; `pcm` is needed only of pieces of it."""
        self.number += 1
        known, hashes = self.provenance, [content] if own else [content, *self._pieces(pcm)]
        if any(known.earlier(one) or (not own and known.trained_on(one)) for one in hashes):
            self.trained.append(name)
        elif not own and any(map(known.validated_on, hashes)):
            self.validated.append(name)

    def add_figures(self, name: str, figures: Mapping[str, float]) -> None:
        """The figures of a recording that was measured already, which is not counted."""
        for key in self.ranges.outside(figures) if self.ranges else ():
            self.far.setdefault(key, {})[name] = figures[key]

    def tells(self, name: str) -> set[str]:
        """The kinds of findings that `warnings` says of a recording already."""
        return {kind for kind, key in SAME.items() if name in self.far.get(key, {})}

    def _pieces(self, pcm: NDArray[np.int16] | None) -> list[str]:
        """The content hashes of the pieces that a recording was cut into if the model was trained on it."""
        if pcm is None or self.provenance.cut is None:
            return []
        return [content_hash(piece) for piece in self.form.pieces(pcm, self.provenance.cut)]

    @property
    def seen(self) -> list[str]:
        """The names of those that the model was trained or validated on."""
        return self.trained + self.validated

    def warnings(self, what: str = "files") -> list[str]:
        """A line each, `what` being what the recordings are called."""
        return [*self._seen(what), *self._far()]

    def _seen(self, what: str) -> Iterable[str]:
        if not self.seen:
            return
        how = "trained on" if self.trained else "validated on"
        if self.provenance.heard or (self.trained and self.validated):
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
            assert self.ranges is not None, "or nothing would be outside"
            silent = SILENCE if key == "level" else -math.inf
            said = {name: quantity.text(value) if value > silent else SILENT for name, value in values.items()}
            names = listed([f"{name} ({figure})" for name, figure in said.items()])
            yield (
                f"{names}: outside the training recordings' {quantity.between(self.ranges.between[key])}; "
                "the model was trained on nothing like it, so bits say little"
            )


def far_above_flac(model: Familiar, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line on files that cost a model far more than FLAC, if it does not say what its training recordings were like.

    `rows` are those of `score`.
    """
    far = [f"{row['file']} ({row['above_flac']:+.1f})" for row in rows if row["above_flac"] > FAR_ABOVE_FLAC]
    if RANGES in model.metadata or not far:
        return []
    return [
        f"{listed(far)}: over {FAR_ABOVE_FLAC:g} bit per sample above FLAC; they may be unlike all that this model was "
        "trained on, of which its file says nothing"
    ]


def far_from(models: Mapping[str, Familiar], names: Sequence[str], pcms: Sequence[NDArray[np.int16]]) -> list[str]:
    """Lines on recordings of sound, (samples,) each, that are far from what one of several models was trained on."""
    familiar = {name: Familiarity(model) for name, model in models.items()}
    if not any(one.ranges for one in familiar.values()):
        return []  # nothing is measured in vain
    for name, pcm in zip(names, pcms, strict=True):
        figures = sound_figures(pcm)
        for one in familiar.values():
            one.add_figures(name, figures)
    return [f"{name}: {line}" for name, one in familiar.items() for line in one.warnings()]

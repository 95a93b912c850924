"""Mel spectrograms from one convention to another, where that is exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wavegen.audio.spectral.conventions import MELS, Analysis
from wavegen.audio.spectral.names import Convention
from wavegen.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEAR = 5e-3  # of a factor of ten: float16 files round their floor


def converted(values: NDArray[np.floating], source: Convention, target: Convention) -> NDArray[np.float32]:
    """The same mel bands on the scale of another convention: log base, offset and a higher floor.

    Args:
        values: (frames, bands) in the convention `source`.
        source: what the values are.
        target: what is wanted.

    Raises UserError where numbers are lost: another window, other frames or sums, or values at a floor or ceiling
    beyond which the other convention goes on.
    """
    if source == target:
        return values.astype(np.float32)
    have, want = MELS[source], MELS[target]
    if have.analysis != want.analysis:
        what = _difference(have.analysis, want.analysis)
        raise UserError(f"is {source}, whose {what} not those of {target}, which cannot be undone; make it as {target}")
    exact = values.astype(np.float64)
    low = exact <= have.scale.lowest + NEAR * have.scale.slope
    if have.scale.floor > want.scale.floor and low.any():
        floors = f"the floor of {source}, {have.scale.floor:g}, and {target} goes down to {want.scale.floor:g}"
        raise UserError(f"has {int(low.sum())} numbers at {floors}; make it as {target}")
    scaled = (exact - have.scale.offset) * (want.scale.slope / have.scale.slope) + want.scale.offset
    return np.clip(scaled, want.scale.lowest, want.scale.ceiling).astype(np.float32)


def _difference(have: Analysis, want: Analysis) -> str:
    """Why bands of one analysis are not those of another: goes on from "whose"."""
    if have.root_hann != want.root_hann:
        return "windows are"
    if have.power != want.power:
        return "sums of powers or magnitudes are"
    return "frames are" if have.framing.kind != want.framing.kind else "ends are"

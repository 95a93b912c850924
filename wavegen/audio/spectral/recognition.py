"""The convention that the values of a mel spectrogram look like, whatever its file is said to be.

Exact floors tell most: log10 of 1e-10 is -10, ln of 1e-5 is -11.513. Without one, ranges tell something. Rounding to 16
bits is a noise five powers of ten below speech, so that a clean recording spans 4 to 5.3 in log10, 9 to 12.5 in ln, and
over 100 in decibels of power (measured over 190 recordings of festvox-ru and Asterisk's prompts). Where noise is less
than some 20 dB below the speech, one in ln spans what one in log10 does, and may be taken for it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from wavegen.audio.spectral.conventions import MELS
from wavegen.audio.spectral.names import Convention

if TYPE_CHECKING:
    from numpy.typing import NDArray

NATURAL, DECADIC, DECIBELS = "hifigan or tacotron2", "parallel-wavegan", "librosa"
NORMALISED = "normalised bands, of mean 0 and deviation 1"
LINEAR = "bands without a logarithm"
RELATIVE = "decibels below the file's own maximum"  # power_to_db with ref=np.max
FLOORS = {  # the number that a floor becomes, and what has it
    math.log10(1e-10): DECADIC,
    math.log(1e-5): NATURAL,
    10 * math.log10(1e-10): DECIBELS,
    math.log10(1e-5): "log10 with a floor of 1e-5",
    math.log(1e-10): "ln with a floor of 1e-10",
}
EXACT, AT_LEAST = 1e-3, 2  # how near to a floor, and how many numbers of a file are to be there
SPEECH, MAX_LOG10, MIN_LN, MAX_LN = 2.0, 5.4, 6.5, 16.0  # spans


def oddity(values: NDArray[np.floating], convention: Convention) -> str | None:
    """The looks of a file that is said to be of the convention and is not; None if there is nothing to say.

    `values` are (frames, bands), all finite.
    """
    found = _by_floor(values) or _by_range(values, convention)
    return None if found is None or convention in found.split(" or ") else found


def _by_floor(values: NDArray[np.floating]) -> str | None:
    """The looks of values with this lowest number, or none below zero; None if that says nothing."""
    low, high = float(values.min()), float(values.max())
    for floor, name in FLOORS.items():
        if abs(low - floor) <= EXACT and np.count_nonzero(values <= low + EXACT) >= AT_LEAST:
            return name
    if low >= 0:
        return "r9y9" if high <= 1 + EXACT else LINEAR
    return RELATIVE if abs(high) <= EXACT and low < -MAX_LN else None


def _by_range(values: NDArray[np.floating], convention: Convention) -> str | None:
    """The looks of values over a range that the convention's do not have; None if they may be of it."""
    low, high = np.percentile(values, [1, 99.9]).tolist()
    span = high - low
    if span < 2 * MAX_LOG10 and abs(float(values.mean())) < 0.7 and 0.5 < float(values.std()) < 1.7:
        return NORMALISED
    if convention == "r9y9":  # which would be from 0 to 1
        if span > MAX_LN:
            return DECIBELS
        return NATURAL if span > MIN_LN else DECADIC
    if span > MAX_LN:
        return DECIBELS
    slope = MELS[convention].scale.slope
    if slope == 1 and span > MIN_LN:
        return NATURAL
    if slope > 1 and SPEECH < span < MAX_LOG10 and low > -MAX_LOG10:
        return DECADIC
    return NATURAL if slope > math.log(10) and span > SPEECH else None

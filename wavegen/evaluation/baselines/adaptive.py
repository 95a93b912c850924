"""The adaptive mixture: the strongest classical coder, as its prequential code length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wavegen.engine import native
from wavegen.extension import extension

if TYPE_CHECKING:
    from numpy.typing import NDArray


def adaptive_missing() -> str | None:
    """Why it cannot run, in one line; None if it can: it is a part of the C++ extension."""
    return native.missing()


def adaptive_bits(pcm: NDArray[np.int16], sample_rate: int) -> float:
    """−Σ log2 P(pcm_t | pcm_<t) of the adaptive mixture over `pcm`, (samples,) int16, whatever its `sample_rate`.

    It knows nothing before the file and predicts each sample from those before it: an arithmetic coder that adapts
    as it goes would need this for the file, with no settings to send. The mixture stands in csrc/adaptive/coder.h; its
    settings were chosen on the validation files of recipes/asterisk's English set.
    """
    return -float(extension().adaptive_log2_prob(np.ascontiguousarray(pcm, np.int16)).sum())

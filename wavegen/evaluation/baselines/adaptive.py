"""The adaptive coder, the strongest classical one: its prequential code length."""

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
    """−Σ log2 P(pcm_t | pcm_<t) of the adaptive coder over `pcm`, (samples,) int16, at any `sample_rate`.

    The coder is an online mixture of RLS and NLMS predictors (csrc/adaptive/coder.h). It starts each file untrained and
    predicts each sample from those before it: an arithmetic coder that adapts as it goes needs these bits for the file,
    and sends no settings. Its settings were chosen on the validation files of recipes/asterisk's English set.
    """
    return -float(extension().adaptive_log2_prob(np.ascontiguousarray(pcm, np.int16)).sum())

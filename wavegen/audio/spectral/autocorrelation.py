"""The autocorrelation that a mel spectrum stands for: that of the smooth spectrum which its bands are samples of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from wavegen.audio.spectral.melspectrogram import mel_filters
from wavegen.audio.spectral.settings import FrameSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

LAG_WINDOW = 40.0  # Hz: peaks as narrow as a harmonic are widened, since bands show none
WHITE_NOISE = 1e-4  # of the power, added: the filter has no use for gains beyond it
CODE = 32768.0  # of full scale


def autocorrelation_of_bands(settings: FrameSettings, order: int) -> NDArray[np.float64]:
    """The matrix from powers of mel bands, (bands,), to the autocorrelation at lags 0 … order in squared PCM codes.

    A band's power is the square of its sum of magnitudes, or the sum of powers where the convention sums these. Each
    bin of the transform has the mean power of its bands, weighted as the bands weight the bin; bins of no band have
    none. (order + 1, bands). Raises UserError if a band holds no bin.
    """
    filters = mel_filters(settings)
    mel = settings.mel
    assert mel is not None, "there are bands"
    sums = filters.sum(axis=1)
    mean_power = 1 / (sums if mel.analysis.power else sums**2)  # of a bin, for a band's power of 1
    covered = filters.sum(axis=0)
    shares = np.divide(filters, covered, out=np.zeros_like(filters), where=covered > 0)
    hann = 3 / 8 * settings.win_length
    of_window = float(settings.hop) if mel.analysis.root_hann else hann  # its sum of squares
    lags = np.arange(order + 1)
    cosines = np.cos(2 * np.pi / settings.n_fft * np.outer(lags, np.arange(filters.shape[1])))
    cosines *= 2  # both halves of the spectrum; bins 0 and n_fft / 2, of which there is one each, are of no band
    found = cosines @ (shares * mean_power[:, None]).T * CODE**2 / (of_window * settings.n_fft)
    found *= np.exp(-0.5 * (2 * math.pi * LAG_WINDOW / settings.sample_rate * lags) ** 2)[:, None]
    found[0] *= 1 + WHITE_NOISE
    return found

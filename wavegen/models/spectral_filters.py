"""From mel frames to linear predictive filters and the level of their error, with the same bits on every CPU.

A mel spectrum says how loud each band is; the autocorrelation that belongs to such powers has a predictive filter, by
the recursion of Levinson (1946) and Durbin (1960). LPCNet does so from the cepstrum: Valin and Skoglund (2019),
"LPCNet: improving neural speech synthesis through linear prediction", section 3.1. What such a filter cannot predict
comes again a period of F0 later: Atal (1982), "Predictive coding of speech at low bit rates", section III.

All is float64. Coders repeat these numbers elsewhere: hence only sums, products, quotients and roots of single numbers,
in a written order. NumPy's own sums, products of matrices, exponentials and logarithms depend on the CPU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wavegen.audio.spectral.conventions import MELS
from wavegen.audio.spectral.names import longest_period

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from wavegen.models.configs.conditioning import ConditioningConfig

    Doubles = NDArray[np.float64]

REFERENCE = 128.0  # PCM codes that one unit is for the network: its inputs and its untrained scales suit speech so
MIN_UNIT, MAX_UNIT = 0.5, 32768.0  # PCM codes
MAX_OCTAVES = 30.0  # |log2| of an F0 in Hz, beyond which it is none
LOUDEST = 20.0  # |log10| of a band, beyond which frames are no sound and powers would overflow
LOG2_10 = 3.321928094887362
LOG2_E = 1.4426950408889634
LN_2 = 0.6931471805599453
ROOT_HALF = 0.7071067811865476
EXP_TERMS = 13  # of the series of exp within ln 2 / 2 of 0, and of ln within √2 of 1: beyond them is less than an ulp
LN_TERMS = 11


class SpectralFilters:
    """The filters of a model's frames.

    For a frame with powers q_b of its bands, r_i = Σ_b autocorrelation[i, b] · q_b, with `floor` added to r_0, is the
    autocorrelation of a sound in squared codes. Its filter has an error e, and the unit is level · √e in codes. Where
    F0 is told, that error is expected to be `pitch_gain` times the one that the filter makes a period before.

    Args:
        config: of the model's conditioning, with a mel spectrogram.
        arrays: the predictor's weights by their names: autocorrelation (order + 1, bands), level () and floor (); of
            where no frames are given, weights (order,) and unit (); of frames with F0, pitch_gain ().
        f0_sample_rate: in Hz, of a model whose frames tell F0; 0 for any other.
    """

    def __init__(self, config: ConditioningConfig, arrays: Mapping[str, NDArray[np.floating]], f0_sample_rate: int = 0):
        assert config.mel, "a spectral predictor has one"
        mel = MELS[config.mel]
        self._bands = config.mel_channels
        self._offset = mel.scale.offset
        self._decades = (1 if mel.analysis.power else 2) / mel.scale.slope  # of power, in one stored unit
        exact = {name: np.asarray(array, np.float64) for name, array in arrays.items()}
        self._autocorrelation = exact["autocorrelation"]
        self._level = exact["level"]
        self._floor = exact["floor"]
        self.order = len(self._autocorrelation) - 1
        self.max_lag = longest_period(f0_sample_rate)
        self._sample_rate = f0_sample_rate
        self.pitch_gain = exact["pitch_gain"] if self.max_lag else np.zeros(())
        no_pitch = np.zeros((2 if self.max_lag else 0, 1))
        self.without = rows(exact["weights"][:, None], no_pitch, exact["unit"].reshape(1))[0]  # (width,): of no frames

    @property
    def width(self) -> int:
        """Columns of a row: the taps, the newest sample's first; of frames with F0, lag in samples, 0 where unvoiced,
        and pitch gain; then REFERENCE / unit and ln(unit / REFERENCE)."""
        return len(self.without)

    def of(self, frames: NDArray[np.floating]) -> Doubles:
        """The filter of each frame as it is stored, not normalised: (n, at least bands) finite to (n, width)."""
        taps, error = self.solved(frames)
        lags = self.lags(frames)
        pitch = np.stack([lags, np.where(lags > 0, self.pitch_gain, 0)]) if self.max_lag else np.zeros((0, len(lags)))
        return rows(taps, pitch, self._level * np.sqrt(error))

    def lags(self, frames: NDArray[np.floating]) -> Doubles:
        """The period of F0 in samples, from 1 to max_lag, of each frame; 0 where it is unvoiced or has no F0: (n,)."""
        if not self.max_lag:
            return np.zeros(len(frames))
        log_f0, voiced = np.asarray(frames, np.float64)[:, self._bands :].T
        octaves = np.clip(log_f0 * -LOG2_E, -MAX_OCTAVES, MAX_OCTAVES)
        lags = np.clip(self._sample_rate * exp2(octaves), 1, self.max_lag)
        return np.where(voiced > 0.5, lags, 0)

    def solved(self, frames: NDArray[np.floating]) -> tuple[Doubles, Doubles]:
        """The taps (order, n) and the mean square of the error in codes, (n,), of each frame, before any level."""
        stored = np.asarray(frames, np.float64)[:, : self._bands].T
        decades = np.clip((stored - self._offset) * self._decades, -2 * LOUDEST, 2 * LOUDEST)
        powers = exp2(decades * LOG2_10)
        autocorrelation = np.zeros((self.order + 1, powers.shape[1]))
        for weights, power in zip(self._autocorrelation.T, powers, strict=True):
            autocorrelation = autocorrelation + weights[:, None] * power
        autocorrelation[0] += self._floor
        return levinson(autocorrelation)


def rows(taps: Doubles, pitch: Doubles, unit: Doubles) -> Doubles:
    """Rows of filters, (n, width), of taps (order, n), lags and pitch gains (2 or 0, n), and units (n,) in codes.

    Units are taken into their range.
    """
    unit = np.clip(unit, MIN_UNIT, MAX_UNIT)
    return np.concatenate([taps, pitch, [REFERENCE / unit], [ln(unit / REFERENCE)]]).T.copy()


def error_a_period_before(history: Doubles, taps: Doubles, lags: Doubles) -> Doubles:
    """The errors that filters make one period before samples, by linear interpolation; 0 where lags are 0: (n,).

    Args:
        history: the samples before each, the newest first, (n, at least max_lag + order + 1).
        taps: (order, n).
        lags: in samples, (n,), 0 or at least 1.
    """
    whole = np.maximum(np.floor(lags), 1).astype(np.int64)
    part = np.maximum(lags - whole, 0)
    each = np.arange(len(history))

    def back(samples: int) -> Doubles:
        newer, older = (history[each, whole - 1 + samples + i] for i in (0, 1))
        return (1 - part) * newer + part * older

    error = back(0)
    for i, tap in enumerate(taps):
        error = error - tap * back(i + 1)
    return np.where(lags > 0, error, 0)


def levinson(r: Doubles) -> tuple[Doubles, Doubles]:
    """Predictive filters (order, n) and the mean squares of their errors (n,), of autocorrelations (order + 1, n).

    All filters 1 / (1 − Σ taps z⁻ⁱ) are stable: where numbers are no autocorrelation, or rounding leaves no error, a
    filter keeps the taps that it has.
    """
    order = len(r) - 1
    count = r.shape[1]
    taps = np.zeros((order, count))
    error = np.maximum(r[0], 0)
    going = error > 0
    for i in range(order):
        left = r[i + 1]
        for j in range(i):
            left = left - taps[j] * r[i - j]
        with np.errstate(over="ignore"):
            reflection = left / np.where(going, error, 1)
            remaining = 1 - reflection * reflection
        going = going & (remaining > 0)
        reflection = np.where(going, reflection, 0)
        before = taps[:i].copy()
        for j in range(i):
            taps[j] = before[j] - reflection * before[i - 1 - j]
        taps[i] = reflection
        error = np.where(going, error * remaining, error)
    return taps, error


def exp2(x: Doubles) -> Doubles:
    """2^x: 2^n · exp((x − n) ln 2), n the integer nearest to x."""
    n = np.floor(x + 0.5)
    y = (x - n) * LN_2
    result = np.ones_like(y)
    for k in range(EXP_TERMS, 0, -1):
        result = 1 + result * y / k
    return np.ldexp(result, n.astype(np.int32))


def ln(x: Doubles) -> Doubles:
    """ln x of positive numbers: n ln 2 + 2 artanh s, x = 2^n · m with m within √2 of 1 and s = (m − 1) / (m + 1)."""
    m, n = np.frexp(x)
    low = m < ROOT_HALF
    m = np.where(low, 2 * m, m)
    n = np.where(low, n - 1, n)
    s = (m - 1) / (m + 1)
    square = s * s
    total = np.zeros_like(s)
    for k in range(LN_TERMS, -1, -1):
        total = total * square + 1 / (2 * k + 1)
    return n * LN_2 + 2 * s * total

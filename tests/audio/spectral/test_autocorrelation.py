"""The autocorrelation of mel bands: its definition, and that it is the sound's own."""

import numpy as np
import pytest

from wavegen.audio.spectral.autocorrelation import LAG_WINDOW, WHITE_NOISE, autocorrelation_of_bands
from wavegen.audio.spectral.conventions import MELS
from wavegen.audio.spectral.frames import frames
from wavegen.audio.spectral.melspectrogram import mel_filters
from wavegen.audio.spectral.settings import FrameSettings

librosa = pytest.importorskip("librosa", reason="librosa is not installed")


def sizes(mel, **changes):
    return FrameSettings(
        mel, **{**dict(sample_rate=8000, hop=64, n_fft=256, win_length=256, bands=20, fmin=0, fmax=4000), **changes}
    )


def powers(settings, pcm):
    """Of each band of each frame, (frames, bands): squares of sums of magnitudes, or sums of powers."""
    scale, power = MELS[settings.convention].scale, MELS[settings.convention].analysis.power
    sums = 10 ** ((frames(pcm, settings).astype(np.float64) - scale.offset) / scale.slope)
    return sums if power else sums**2


@pytest.mark.parametrize("mel", ["parallel-wavegan", "librosa", "r9y9"])
@pytest.mark.parametrize("fmax", [2500, 4000])
def test_it_is_the_inverse_transform_of_the_bands_spectrum(mel, fmax):
    """Bin by bin: the mean power of its bands, as the window has made it; then widened peaks and a little noise."""
    settings = sizes(mel, fmin=100, fmax=fmax)
    weights, q = mel_filters(settings), np.random.default_rng(0).uniform(1, 9, 20)
    spectrum = np.zeros(129)
    for bin in range(129):
        for band in range(20):
            if weights[band, bin] > 0:
                of_band = q[band] / (weights[band].sum() if mel == "librosa" else weights[band].sum() ** 2)
                spectrum[bin] += weights[band, bin] / weights[:, bin].sum() * of_band
    window = 64 if mel == "r9y9" else (np.hanning(257)[:256] ** 2).sum()
    expected = np.fft.irfft(spectrum)[:13] / window * 32768**2
    expected *= np.exp(-0.5 * (2 * np.pi * LAG_WINDOW * np.arange(13) / 8000) ** 2)
    expected[0] *= 1 + WHITE_NOISE
    np.testing.assert_allclose(autocorrelation_of_bands(settings, 12) @ q, expected, rtol=1e-9, atol=1e-9 * expected[0])
    assert (spectrum == 0).sum() > 2, "there are bins of no band"


@pytest.mark.parametrize("mel", MELS)
def test_coloured_noise_has_its_own_autocorrelation(mel):
    """In squared codes: of a process with known coefficients, whatever the convention."""
    random, samples = np.random.default_rng(0), 40_000
    noise, pcm = random.normal(0, 200, samples), np.zeros(samples)
    for t in range(2, samples):
        pcm[t] = 1.2 * pcm[t - 1] - 0.6 * pcm[t - 2] + noise[t]
    settings = sizes(mel)
    r = (autocorrelation_of_bands(settings, 2) @ powers(settings, np.rint(pcm).astype(np.int16)).T).mean(axis=1)
    own = [np.mean(pcm[lag:] * pcm[: samples - lag]) for lag in range(3)]
    assert 0.7 < r[0] / own[0] < 1.1  # a mean of magnitudes, squared, is π / 4 of the mean power
    np.testing.assert_allclose(r / r[0], np.divide(own, own[0]), atol=0.04)
    taps = np.linalg.solve([[r[0], r[1]], [r[1], r[0]]], r[1:])
    np.testing.assert_allclose(taps, [1.2, -0.6], atol=0.06)

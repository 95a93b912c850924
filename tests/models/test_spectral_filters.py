"""Filters of mel frames: their definition, that they are stable whatever the frames, and the same bits everywhere."""

import hashlib
import math
from typing import Any

import numpy as np
import pytest
import spectral_models
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen.audio.spectral.conventions import MELS
from wavegen.models.configs.conditioning import ConditioningConfig
from wavegen.models.spectral_filters import (
    MAX_UNIT,
    MIN_UNIT,
    REFERENCE,
    SpectralFilters,
    error_a_period_before,
    exp2,
    levinson,
    ln,
)

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)


def config(bands: int = spectral_models.BANDS, mel: Any = "parallel-wavegan", f0: bool = False):
    return ConditioningConfig(mel=mel, bands=bands, f0=f0)


def poles(taps):
    """The largest magnitude of a pole of 1 / (1 − Σ taps z⁻ⁱ)."""
    return np.abs(np.roots([1, *(-taps)])).max(initial=0)


def test_exponentials_and_logarithms_are_those_of_the_library():
    x = np.concatenate([np.linspace(-140, 140, 20001), np.arange(-140, 141), np.arange(-140, 140) + 0.5]).astype(
        np.float64
    )
    assert max(abs(found / 2.0 ** float(each) - 1) for each, found in zip(x, exp2(x), strict=True)) <= 1e-15
    u = np.concatenate([np.geomspace(MIN_UNIT / REFERENCE, MAX_UNIT / REFERENCE, 20001), np.exp2(np.arange(-8, 9))])
    for each, found in zip(u, ln(u), strict=True):
        assert abs(found - math.log(each)) <= 1e-15 * max(1, abs(math.log(each)))


@settings(deadline=None, max_examples=60)
@given(order=st.integers(1, 20), bands=st.integers(1, 12), seed=st.integers(0, 999))
def test_a_filter_solves_the_normal_equations_of_its_frame(order, bands, seed):
    arrays, frames = spectral_models.weights(order, bands), spectral_models.frames(3, seed, bands)
    f0 = np.full((3, 2), 5, np.float32)
    for frame, row in zip(
        frames, SpectralFilters(config(bands), arrays).of(np.concatenate([frames, f0], axis=1)), strict=True
    ):
        taps, unit = spectral_models.solved(config(bands), arrays, frame)
        scale = np.abs(taps).max()
        np.testing.assert_allclose(row[:order], taps, rtol=0, atol=1e-7 * scale)
        np.testing.assert_allclose(row[order:], [128 / unit, math.log(unit / 128)], rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("mel", MELS)
def test_a_convention_says_what_the_power_of_a_stored_number_is(mel):
    """The same sound has the same filter in every convention."""
    arrays, reference = spectral_models.weights(), spectral_models.frames(9)
    scale, power = MELS[mel].scale, MELS[mel].analysis.power
    stored = scale.slope * reference * (2 if power else 1) + scale.offset
    found = SpectralFilters(config(mel=mel), arrays).of(stored.astype(np.float32))
    np.testing.assert_allclose(found, SpectralFilters(config(), arrays).of(reference), rtol=1e-3, atol=1e-4)


@settings(deadline=None, max_examples=150)
@given(
    order=st.integers(1, 16),
    frames=st.lists(
        st.lists(FINITE | st.floats(-12, 12, width=32), min_size=spectral_models.BANDS, max_size=spectral_models.BANDS),
        min_size=1,
        max_size=4,
    ),
)
def test_any_frame_has_a_stable_filter_and_a_unit_within_its_range(order, frames):
    filters = SpectralFilters(config(), spectral_models.weights(order))
    for row in filters.of(np.array(frames, np.float32)):
        assert np.isfinite(row).all()
        assert poles(row[:order]) < 1
        assert REFERENCE / row[-2] * (1 + 1e-15) >= MIN_UNIT
        assert REFERENCE / row[-2] <= MAX_UNIT * (1 + 1e-15)
        assert abs(math.exp(row[-1]) * row[-2] - 1) <= 1e-12


@settings(deadline=None, max_examples=150)
@given(data=st.data(), order=st.integers(1, 6))
def test_numbers_of_a_damaged_file_that_are_no_autocorrelation_give_finite_and_stable_filters(data, order):
    bands = 3
    matrix = data.draw(st.lists(FINITE, min_size=(order + 1) * bands, max_size=(order + 1) * bands))
    arrays = spectral_models.weights(order, bands)
    arrays["autocorrelation"] = np.array(matrix, np.float32).reshape(order + 1, bands)
    for name in ("level", "floor", "unit"):
        arrays[name] = np.array(data.draw(FINITE), np.float32)
    filters = SpectralFilters(config(bands), arrays)
    frames = data.draw(st.lists(st.lists(FINITE, min_size=bands, max_size=bands), min_size=1, max_size=3))
    for row in [*filters.of(np.array(frames, np.float32)), filters.without]:
        assert np.isfinite(row).all()
        assert REFERENCE / row[-2] * (1 + 1e-15) >= MIN_UNIT
    for row in filters.of(np.array(frames, np.float32)):
        assert poles(row[:order]) <= 1 + 1e-3  # of which np.roots itself finds some with errors


def test_a_filter_stops_where_there_is_no_error_left():
    """1, −1, 1 … is predicted by one tap without error; what follows it is no autocorrelation."""
    taps, error = levinson(np.array([[4.0, 0.0], [-4.0, 3.0], [9.0, 1.0]]))
    np.testing.assert_array_equal(taps, [[0.0, 0.0], [0.0, 0.0]])
    np.testing.assert_array_equal(error, [4.0, 0.0])
    taps, error = levinson(np.array([[4.0], [-2.0], [9.0]]))
    np.testing.assert_array_equal(taps, [[-0.5], [0.0]])
    np.testing.assert_array_equal(error, [3.0])


def test_a_frame_s_filter_is_its_own_alone():
    filters = SpectralFilters(config(), spectral_models.weights())
    frames = spectral_models.frames(37)
    together = filters.of(frames)
    for k in range(len(frames)):
        assert filters.of(frames[k : k + 1]).tobytes() == together[k : k + 1].tobytes()


def test_silence_has_the_unit_of_the_floor_and_no_frames_have_the_fixed_filter():
    arrays = spectral_models.weights() | {"floor": np.array(16, np.float32), "level": np.array(1.5, np.float32)}
    filters = SpectralFilters(config(), arrays)
    (silent,) = filters.of(np.full((1, spectral_models.BANDS), -10, np.float32))
    np.testing.assert_allclose(silent, [0] * 5 + [128 / 6, math.log(6 / 128)], atol=1e-9)
    np.testing.assert_allclose(filters.without, [*arrays["weights"], 128 / 300, math.log(300 / 128)], rtol=1e-15)


def test_a_lag_is_the_period_of_f0_within_its_range_and_none_where_unvoiced():
    """From one sample to the longest period that pyin can find, whatever the numbers of a file."""
    filters = SpectralFilters(config(f0=True), spectral_models.weights(f0=True), 8000)
    f0 = [60, 100.5, 300, 59, 9000, math.exp(80), math.exp(-3e38), 300, 300]
    voiced = [1, 1, 1, 1, 1, 1, 1, 0, 0.5]
    with np.errstate(divide="ignore"):
        pitch = np.stack([[math.log(x) if x else -3e38 for x in f0], voiced], axis=1)
    frames = np.concatenate([spectral_models.frames(9), pitch], axis=1).astype(np.float32)
    expected = [8000 / 60, 8000 / 100.5, 8000 / 300, 134, 1, 1, 134, 0, 0]
    np.testing.assert_allclose(filters.lags(frames), expected, rtol=1e-6)
    columns = filters.of(frames)[:, spectral_models.ORDER :]
    np.testing.assert_array_equal(columns[:, 0], filters.lags(frames))
    np.testing.assert_array_equal(columns[:, 1], np.where(columns[:, 0] > 0, np.float32(0.6), 0))
    np.testing.assert_array_equal(filters.without[spectral_models.ORDER :][:2], [0, 0])
    plain = SpectralFilters(config(), spectral_models.weights()).of(frames)
    np.testing.assert_array_equal(np.delete(filters.of(frames), [5, 6], axis=1), plain)


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 999), order=st.integers(1, 9))
def test_an_error_a_period_before_is_that_of_the_sound_between_samples(seed, order):
    """Of a straight line, which interpolation gives back, and at whole lags of any sound."""
    random = np.random.default_rng(seed)
    taps, span = random.normal(size=(order, 5)), 40
    lags = np.array([0, 1, 7, 20, 40 - order - 1], float)
    history = random.normal(size=(5, span))
    found = error_a_period_before(history, taps, lags)
    for n, lag in enumerate(lags.astype(int)):
        past = history[n, lag - 1 :]
        np.testing.assert_allclose(found[n], past[0] - taps[:, n] @ past[1 : order + 1] if lag else 0, atol=1e-9)
    lags += [0, 0.25, 0.5, 0.875, 0]
    line = np.asarray(3.0 - 2.0 * np.arange(1, span + 1), np.float64)
    found = error_a_period_before(np.tile(line, (5, 1)), taps, lags)
    at = 3.0 - 2.0 * (lags[:, None] + np.arange(order + 1))
    np.testing.assert_allclose(found, np.where(lags > 0, at[:, 0] - (taps.T * at[:, 1:]).sum(axis=1), 0), atol=1e-8)


def test_golden_bits():
    """Of a spectrogram by an integer formula, exact in float32. Raise `numerics` with any change that changes them."""
    stored = (np.arange(200 * 8, dtype=np.uint64) * 2654435761 >> np.uint64(7)) % 4096
    frames = ((stored.astype(np.float32) - 3072) / 1024).reshape(200, 8)
    matrix = (np.arange(17 * 8, dtype=np.uint64) * 2654435761 >> np.uint64(9)) % 4096
    autocorrelation = ((matrix.astype(np.float32) - 2048) / 16).reshape(17, 8)
    autocorrelation[0] = 512  # above all others: some are autocorrelations, and some filters stop early
    arrays = spectral_models.weights(16, 8) | {"autocorrelation": autocorrelation}
    found = SpectralFilters(config(8), arrays).of(frames)
    assert 0 < (found[:, 15] == 0).sum() < 200
    assert hashlib.sha256(found.astype("<f8").tobytes()).hexdigest()[:16] == "e0c51516d44a93f4"

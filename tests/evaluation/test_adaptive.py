"""The adaptive coder against its definition in plain numpy, and as a density: causal, whole, safe with any file."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import expit, ndtr

from wavegen.data.preparing.sources import SOURCES
from wavegen.evaluation.baselines import BASELINES, flac_bits
from wavegen.evaluation.baselines.adaptive import adaptive_bits, adaptive_missing

native = pytest.importorskip("wavegen_native", reason="the C++ engine is not installed")
RNG = np.random.default_rng(0)
UNIFORM = 2.0**-14


class LeastSquares:
    def __init__(self, order, forgetting, ridge=0.003, relative_ridge=1e-7):
        self.forgetting, self.ridge, self.relative_ridge = forgetting, ridge, relative_ridge
        self.r = np.zeros((order, order))
        self.b = np.zeros(order)
        self.weights = np.zeros(order)
        self.running = 30.0

    def learn(self, x, y, error):
        self.running += 0.05 * (abs(error) - self.running)
        gain = (1 + 0.3 * abs(error) + 0.7 * self.running) ** -1.5
        self.r = self.forgetting * self.r + gain * np.outer(x, x)
        self.b = self.forgetting * self.b + gain * x * y
        diagonal = self.ridge + self.relative_ridge * np.trace(self.r) / len(x)
        self.weights = np.linalg.solve(self.r + diagonal * np.eye(len(x)), self.b)


class Lms:
    def __init__(self, order, rate):
        self.rate = rate
        self.x = np.zeros(order)
        self.weights = np.zeros(order)

    def learn(self, value, error):
        self.weights = self.weights + self.rate * error / (len(self.x) + self.x @ self.x) * self.x
        self.x = np.concatenate([[value], self.x[:-1]])


def fixed_share(shares, probabilities, switching):
    posterior = shares * probabilities / (shares * probabilities).sum(axis=-1, keepdims=True)
    return (1 - switching) * posterior + switching / shares.shape[-1]


def expert_probabilities(predictions, errors, code):
    """(predictions, errors × shapes × scales): the cells' masses with the uniform share."""
    scales = np.maximum(errors, 0.1)[:, :, None] * 1.5 ** np.arange(-2.0, 3.0)

    def cumulative(edge):
        z = (edge - predictions)[:, None, None] / scales
        t = z * np.sqrt(2)  # Student's t of two degrees of freedom has a mean magnitude of √2
        return np.stack([expit(z * 2 * np.log(2)), ndtr(z * np.sqrt(2 / np.pi)), 0.5 + 0.5 * t / np.sqrt(2 + t * t)], 2)

    lower = cumulative(code - 0.5) if code > -32768 else np.zeros(1)
    upper = cumulative(code + 0.5) if code < 32767 else np.ones(1)
    return ((1 - UNIFORM) * (upper - lower) + UNIFORM / 65536).reshape(len(predictions), -1)


def twin(pcm):
    """log2 P of each sample, as csrc/adaptive/coder.h says it."""
    filters = [LeastSquares(*settings) for settings in ((16, 0.998), (20, 0.97), (32, 0.98), (48, 0.98))]
    cascade = [Lms(*settings) for settings in ((256, 0.005), (32, 0.005), (16, 0.008))]
    weighers = [LeastSquares(6, forgetting, 0.01, 1e-3) for forgetting in (0.98, 0.998)]
    history = np.zeros(48)
    errors = np.full((9, 2), 30.0)
    shares = np.full((9, 30), 1 / 30)
    top = np.full(9, 1 / 9)
    log2_prob = []
    for code in pcm.tolist():
        first = [f.weights @ history[: len(f.weights)] for f in filters]
        first = [float(np.clip(p, -32768, 32767)) for p in first]
        stages = [lms.weights @ lms.x for lms in cascade]
        for stage in stages:
            first.append(float(np.clip(first[-1] + stage, -32768, 32767)))
        last = first[-1]
        differences = np.array(first[:-1]) - first[-1]
        predictions = np.array(
            first + [float(np.clip(last + w.weights @ differences, -32768, 32767)) for w in weighers]
        )
        probabilities = expert_probabilities(predictions, errors, code)
        mixed = (shares * probabilities).sum(axis=1)
        log2_prob.append(np.log2(top @ mixed))
        top, shares = fixed_share(top, mixed, 0.02), fixed_share(shares, probabilities, 0.005)
        errors = errors + np.array([0.15, 0.03]) * (np.abs(code - predictions)[:, None] - errors)
        for weigher, prediction in zip(weighers, predictions[7:], strict=True):
            weigher.learn(differences, code - last, code - prediction)
        left = code - predictions[3]
        for lms, stage in zip(cascade, stages, strict=True):
            lms.learn(left, left - stage)
            left = left - stage
        for least_squares, prediction in zip(filters, predictions, strict=False):
            least_squares.learn(history[: len(least_squares.weights)], code, code - prediction)
        history = np.concatenate([[code], history[:-1]])
    return np.array(log2_prob)


def wander(samples: int) -> np.ndarray:
    return np.cumsum(RNG.normal(0, 40, samples)).round().astype(np.int16)


def noise(samples: int, scale: float) -> np.ndarray:
    return np.clip(np.rint(RNG.normal(size=samples) * scale), -32768, 32767).astype(np.int16)


SIGNALS = {
    "speech-like": SOURCES["ar16"].draw(400, 0),
    "a walk": wander(300),
    "quiet, then loud": np.concatenate([noise(150, 2), noise(150, 3000)]),
    "clipped": noise(300, 40000),
    "silence": np.zeros(100, np.int16),
    "one sample": np.array([-32768], np.int16),
}


@pytest.mark.parametrize("name", SIGNALS)
def test_the_definition(name):
    pcm = SIGNALS[name]
    log2_prob = native.adaptive_log2_prob(pcm)
    assert (log2_prob.shape, log2_prob.dtype) == (pcm.shape, np.float64)
    assert log2_prob == pytest.approx(twin(pcm), abs=1e-5)


PASTS = {
    "nothing": np.zeros(0, np.int16),
    "silence": np.zeros(300, np.int16),
    "the lowest code": np.full(200, -32768, np.int16),
    "a full-scale square wave": np.repeat(np.tile(np.array([32767, -32768], np.int16), 20), 20),
    "any codes": RNG.integers(-32768, 32768, 500).astype(np.int16),
}


@pytest.mark.parametrize("name", PASTS)
def test_sums_to_one_over_all_codes(name):
    next_log2_prob = native.adaptive_next_log2_prob(PASTS[name])
    assert next_log2_prob.shape == (65536,)
    assert next_log2_prob.min() >= -30 - 1e-9
    assert np.exp2(next_log2_prob).sum() == pytest.approx(1, abs=1e-9)


def test_each_sample_is_scored_by_the_distribution_that_its_past_gives():
    pcm = wander(300)
    log2_prob = native.adaptive_log2_prob(pcm)
    for t in (0, 299):
        assert native.adaptive_next_log2_prob(pcm[:t])[int(pcm[t]) + 32768] == log2_prob[t]
    changed = pcm.copy()
    changed[200:] = 0
    assert np.array_equal(native.adaptive_log2_prob(changed)[:200], log2_prob[:200])
    assert np.array_equal(native.adaptive_log2_prob(pcm[:250]), log2_prob[:250])


HOSTILE = {
    "digital silence": np.zeros(8000, np.int16),
    "silence between noise": np.concatenate([noise(300, 5000), np.zeros(8000, np.int16), noise(300, 5000)]),
    "the highest code": np.full(8000, 32767, np.int16),
    "a full-scale square wave": np.repeat(np.tile(np.array([32767, -32768], np.int16), 100), 37),
    "the fastest square wave": np.tile(np.array([32767, -32768], np.int16), 4000),
    "any codes": RNG.integers(-32768, 32768, 8000).astype(np.int16),
    "a pure tone": np.rint(32000 * np.sin(np.arange(8000) / 7)).astype(np.int16),
    "DC and dither": (-20000 + RNG.integers(-1, 2, 8000)).astype(np.int16),
    "clicks": np.where(RNG.random(8000) < 1e-3, 32767, 0).astype(np.int16),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_file_makes_it_less_than_a_density(name):
    log2_prob = native.adaptive_log2_prob(HOSTILE[name])
    assert np.isfinite(log2_prob).all()
    assert log2_prob.max() <= 0
    assert log2_prob.min() >= -30 - 1e-9
    assert -log2_prob.mean() < 16.5


@given(pcm=hnp.arrays(np.int16, st.integers(0, 300), elements=st.integers(-32768, 32767)))
@settings(deadline=None, max_examples=15)
def test_short_files_of_any_content(pcm):
    log2_prob = native.adaptive_log2_prob(pcm)
    assert log2_prob.shape == pcm.shape
    assert (np.isfinite(log2_prob) & (log2_prob <= 0) & (log2_prob >= -30 - 1e-9)).all()


def test_what_can_be_predicted_costs_little():
    for name in ("digital silence", "the highest code", "the fastest square wave"):
        assert adaptive_bits(HOSTILE[name], 8000) < 0.1 * 8000
    assert adaptive_bits(HOSTILE["a pure tone"], 8000) < 3 * 8000


@pytest.mark.parametrize("name", ["white-gaussian", "white-laplace", "ar2", "ar16"])
def test_comes_close_to_the_true_density_and_not_below(name):
    source = SOURCES[name]
    pcm = source.draw(10000, 1)
    excess = -native.adaptive_log2_prob(pcm) + source.log2_prob(pcm)
    assert -4 * excess.std() / np.sqrt(len(pcm)) < excess.mean() < 0.35
    assert adaptive_bits(pcm, 8000) == pytest.approx(-native.adaptive_log2_prob(pcm).sum())


def test_beats_flac_where_the_sound_changes():
    rings = [SOURCES[name].draw(1500, seed) for seed in range(3) for name in ("ar16", "ar2")]
    pcm = np.concatenate(rings)
    assert adaptive_bits(pcm, 8000) < flac_bits(pcm, 8000)


@pytest.mark.parametrize(
    "pcm", [np.zeros((2, 3), np.int16), np.zeros(3), np.zeros(3, np.int32), np.zeros(6, np.int16)[::2]]
)
def test_arrays_of_another_kind_are_refused(pcm):
    with pytest.raises(TypeError):
        native.adaptive_log2_prob(pcm)


def test_any_layout_of_the_samples_is_taken():
    pcm = wander(200)
    assert adaptive_bits(pcm.astype(">i2"), 8000) == adaptive_bits(np.repeat(pcm, 2)[::2], 8000)
    assert adaptive_bits(pcm[:0], 8000) == 0


def test_without_the_extension_it_is_named_as_missing(monkeypatch):
    assert adaptive_missing() is None
    (baseline,) = [each for each in BASELINES if each.name == "adaptive coder"]
    monkeypatch.setitem(sys.modules, "wavegen_native", None)
    assert "C++" in str(baseline.missing())

"""A filter for each frame in the extension: what each number of it does, its bits, and what is refused."""

import hashlib
import itertools
import math
from typing import Any

import numpy as np
import pytest
import sensitive_models
import spectral_models
import torch
from conditional_models import Case
from cumulatives import MIXTURES, ONES

from wavegen.engine import open_engine
from wavegen.engine.native import NativeEngine
from wavegen.errors import UserError
from wavegen.models.given import Given

native = pytest.importorskip("wavegen_native", reason="the C++ engine is not installed")
HERE = native.instruction_sets()
NETWORKS = {
    "wavenet": {"name": "wavenet", **sensitive_models.SHAPES["kernel-3"], "front_kernel_size": 3},
    "gru": {"name": "gru", "hidden_size": 21},
    "markov": {"name": "markov", "order": 9, "hidden_sizes": [33, 20]},
}
ORDER = spectral_models.ORDER


def running(streams: int = 1, f0: bool = False) -> Any:
    """The extension's engine of a Markov model, with what a call is conditioned on: two frames of five samples."""
    engine: Any = NativeEngine(spectral_models.model(NETWORKS["markov"], f0=f0), streams)._native
    assert engine.filter_width == ORDER + (4 if f0 else 2)
    vectors = np.zeros((3, engine.condition_floats), np.float32)
    rows, phases = np.tile(np.array([1, 2], np.uint32), (streams, 1)), np.zeros(streams, np.uint32)
    filters = np.zeros((3, engine.filter_width))
    filters[:, 0], filters[:, -2] = 0.9, 0.5
    if f0:
        filters[:, ORDER : ORDER + 2] = 2.25, 0.6
    return engine, [vectors, rows, phases, 5, filters]


@pytest.mark.parametrize("number", range(ORDER + 2))
def test_each_number_of_a_filter_holds_from_its_frames_first_sample_to_the_last(number):
    """A tap, the gain, and the unit: another one changes its own frame, and later samples by what was predicted."""
    symbols = (np.arange(10, dtype=np.uint16) * 517 + 30000)[None]
    engine, conditions = running()
    start, expected = engine.save(), engine.feed(symbols, tuple(conditions))
    for frame in range(2):
        filters = conditions[4].copy()
        filters[1 + frame, number] *= 1.5
        filters[1 + frame, number] += 0.5
        engine.restore(*start)
        differs = (engine.feed(symbols, (*conditions[:4], filters)) != expected)[0].tolist()
        first = 5 * frame + (number if number < ORDER and frame == 0 else 0)  # a tap needs a sample that is not zero
        assert not any(differs[:first])
        assert all(differs[first + 1 : 5 * frame + 5])


@pytest.mark.parametrize("number", [ORDER, ORDER + 1])
def test_lag_and_pitch_gain_hold_for_their_frame(number):
    symbols = (np.arange(10, dtype=np.uint16) * 517 + 30000)[None]
    engine, conditions = running(f0=True)
    start, expected = engine.save(), engine.feed(symbols, tuple(conditions))
    filters = conditions[4].copy()
    filters[2, number] += 0.5
    engine.restore(*start)
    differs = (engine.feed(symbols, (*conditions[:4], filters)) != expected)[0].tolist()
    assert not any(differs[:5])
    assert all(differs[5:])


def test_a_lag_that_is_none_or_too_long():
    """Below 1 the pitch gain does nothing; beyond the longest it is the longest."""
    symbols = (np.arange(400, dtype=np.uint16) * 517 + 30000)[None]
    engine, (vectors, rows, phases, _, filters) = running(f0=True)
    start = engine.save()

    def fed(lag: float, gain: float = 0.6) -> np.ndarray:
        engine.restore(*start)
        filters[:, ORDER : ORDER + 2] = lag, gain
        return engine.feed(symbols, (vectors, rows, phases, 200, filters))

    longest = math.ceil(8000 / 60)
    assert fed(0).tobytes() == fed(0.99, 0.3).tobytes() == fed(-5).tobytes() != fed(1, 0).tobytes()
    assert fed(longest).tobytes() == fed(longest + 0.5).tobytes() == fed(3e38).tobytes() != fed(longest - 0.5).tobytes()


def test_a_longest_lag_is_checked():
    good = NativeEngine(spectral_models.model(NETWORKS["markov"], f0=True), 1)._arguments
    how = {"streams": 1, "threads": 1}
    native.Engine(**good, **how)
    for changed, said in (
        ({"predictor_max_lag": 16385}, "predictor_max_lag is 16385, must be from 0 to 16384"),
        ({"predictor_max_lag": 0}, "input channels"),
        ({"predictor_filter": np.zeros(4)}, "the length of predictor_filter is 4, must be from 5 to 1028"),
        ({"predictor_filter": np.zeros(0)}, "a predictor_max_lag needs a predictor_filter"),
    ):
        with pytest.raises(ValueError, match=said):
            native.Engine(**{**good, **changed}, **how)
    with pytest.raises(TypeError):
        native.Engine(**{**good, "predictor_max_lag": -1}, **how)


def test_the_gain_scales_inputs_and_the_unit_scales_alone():
    """A unit twice as large with parameters of the network left alone is log 2 more of each log scale."""
    for name, make in MIXTURES.items():
        params = np.random.default_rng(1).normal(size=9).astype(np.float32)
        offsets = np.array([0.5, -1, 2], np.float32)
        one, other = make(ONES, offsets), make(ONES, offsets + np.float32(0.75))
        for isa in HERE:
            assert one.log2_prob(params, 7.25, isa, 0.75).tobytes() == other.log2_prob(params, 7.25, isa).tobytes(), (
                name
            )
            found = one.table(params, 7.25, 0.9, 1.0, isa, True, 0.75)
            assert found.tobytes() == other.table(params, 7.25, 0.9, 1.0, isa).tobytes(), name
            assert found.tobytes() != one.table(params, 7.25, 0.9, 1.0, isa).tobytes()


def test_filters_of_a_call_are_checked():
    engine, (*conditions, filters) = running(2)
    symbols, before = np.zeros((2, 10), np.uint16), engine.save()
    damaged = {value: filters.copy() for value in (np.nan, np.inf, -np.inf, 3.5e38)}
    for value, array in damaged.items():
        array[2, -1] = value
    bad: list[Any] = [
        None,
        filters[:2],
        filters[:, 1:].copy(),
        np.zeros((3, ORDER + 3)),
        filters.astype(np.float32),
        filters[:, ::2],
        np.asfortranarray(filters),
        filters[None],
        filters.ravel(),
        filters.tolist(),
        *damaged.values(),
    ]
    coders = [native.Encoder() for _ in range(2)], [native.Decoder(np.zeros(9, np.uint32)) for _ in range(2)]
    calls = [
        lambda given: engine.generate(10, np.zeros(2, np.uint64), 1.0, 1.0, conditions=given),
        lambda given: engine.feed(symbols, given),
        lambda given: native.encode(engine, symbols, symbols, coders[0], given),
        lambda given: native.decode(engine, 10, coders[1], given),
    ]
    for call in calls:
        for each in bad:
            with pytest.raises((ValueError, TypeError)):
                call((*conditions, each))
    assert all(np.array_equal(a, b) for a, b in zip(before, engine.save(), strict=True))  # nothing has moved
    for call in calls:
        call((*conditions, filters))
        call(None)


def test_locations_of_a_state_are_checked():
    engine, _ = running(2)
    engine.feed(np.full((2, 3), 40000, np.uint16))
    network, codes, locations, last, time = before = engine.save()
    assert locations.shape == (2, 1)
    assert locations.all()
    damaged = locations.copy()
    damaged[1] = np.nan
    for bad in (locations[:1], locations[:, :0].copy(), locations.ravel(), locations.astype(np.float32), damaged, None):
        with pytest.raises((ValueError, TypeError)):
            engine.restore(network, codes, bad, last, time)
    assert all(np.array_equal(a, b) for a, b in zip(before, engine.save(), strict=True))


@pytest.mark.parametrize(
    ("filter_", "said"),
    [
        (np.zeros(2), "the length of predictor_filter is 2, must be from 3 to 1026"),
        (np.zeros(1027), "the length of predictor_filter is 1027"),
        (np.full(ORDER + 2, np.nan), "not finite or too large"),
        (np.full(ORDER + 2, -4e38), "not finite or too large"),
        (np.zeros(0), "input channels"),
        (np.zeros((1, ORDER + 2)), None),
        (np.zeros(ORDER + 2, np.float32), None),
        (np.zeros(2 * ORDER + 4)[::2], None),
        (None, None),
    ],
)
def test_a_filter_for_calls_without_conditions_is_checked(filter_, said):
    good = NativeEngine(spectral_models.model(NETWORKS["markov"]), 1)._arguments
    how = {"streams": 1, "threads": 1}
    native.Engine(**good, **how)
    with pytest.raises(ValueError if said else TypeError, match=said):
        native.Engine(**{**good, "predictor_filter": filter_}, **how)
    for also, why in (("predictor_weights", "not both"), ("error_table", "needs an error_table")):
        array = np.zeros(3 if also == "predictor_weights" else 0, np.float32)
        with pytest.raises(ValueError, match=why):
            native.Engine(**{**good, also: array}, **how)


@pytest.mark.parametrize("f0", [False, True])
def test_filters_that_no_input_can_make_overflow(f0):
    """At the ends of what is taken every index stays inside its table: errors clip."""
    engine, (*conditions, filters) = running(f0=f0)
    largest = float(np.finfo(np.float32).max)
    symbols = np.array([[0, 65535, 0, 65535, 32768, 0, 0, 65535, 65535, 0]], np.uint16)
    for signs in itertools.product((largest, -largest), repeat=2):
        filters[:] = np.resize(signs, engine.filter_width)
        engine.feed(symbols, (*conditions, filters))
        engine.restore(*engine.save())
        assert np.isfinite(engine.feed(symbols, (*conditions, filters))).all()


def test_engine_cuda_refuses_it():
    with pytest.raises(
        UserError, match=r"^engine cuda does not run models with a spectral predictor; try `engine='cpu'`$"
    ):
        open_engine(spectral_models.model(NETWORKS["wavenet"]), engine="cuda")


# Raise `numerics` in csrc/bindings/module.cpp (and wavegen/constants.py) with any change that changes these.
GOLDEN = {
    ("wavenet", False): "6d5d6fd2db13bdee",
    ("gru", False): "c4b4b064b1b04135",
    ("markov", False): "1b00d5d5abbafb49",
    ("gru", True): "156918c10fe8f4ab",
}


def formula_case(network: str, f0: bool) -> Case:
    """A model and frames of integer formulas: no library's random numbers or cosines are in its bits."""
    made = sensitive_models.by_formula(spectral_models.model(NETWORKS[network], f0=f0), 1)
    predictor = spectral_models.predictor_of(made)
    ratios = np.tile(np.arange(-2, spectral_models.BANDS - 2) / 4, (ORDER, 1))  # of a band from lag to lag
    lags = 1e6 * np.concatenate([np.ones_like(ratios[:1]), np.multiply.accumulate(ratios)])
    with torch.no_grad():
        for name, array in {**spectral_models.weights(f0=f0), "autocorrelation": lags}.items():
            predictor.get_parameter(name).copy_(torch.from_numpy(array))
    scrambled = np.arange(20 * spectral_models.BANDS, dtype=np.uint64) * 2654435761 >> np.uint64(7)
    frames = ((scrambled % 4096).reshape(20, -1) / 2048 - 1).astype(np.float32)
    if f0:  # a frame in four is unvoiced
        pitch = np.stack([4.25 + np.arange(20) / 8, np.arange(20) % 4 > 0], axis=1)
        frames = np.concatenate([frames, pitch.astype(np.float32)], axis=1)
    return Case(made, [Given(None, frames), Given()])


@pytest.mark.parametrize("isa", HERE)
@pytest.mark.parametrize(("network", "f0"), GOLDEN)
def test_golden_bits(network, f0, isa):
    case = formula_case(network, f0)
    engine = open_engine(case.model, 2, engine="cpu", isa=isa)
    case.condition(engine, 2)
    pcm = ((np.arange(400, dtype=np.int64) ** 2 * 40503) % 65536 - 32768).astype(np.int16).reshape(2, 200) // 8
    fed = engine.feed(pcm)
    drawn, log2_prob = engine.generate(100, [1, 2], exact=True)
    assert fed.std() > 1
    values = np.concatenate([fed, drawn.astype(np.float64), log2_prob], axis=1)
    assert hashlib.sha256(values.astype("<f8").tobytes()).hexdigest()[:16] == GOLDEN[network, f0]

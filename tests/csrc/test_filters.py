"""A filter for each frame in the engines: teacher forcing, whatever is cut, the same bits, and what is refused."""

import hashlib
import itertools
from typing import Any

import numpy as np
import pytest
import sensitive_models
import spectral_models
import torch
from conditional_models import Case, networks
from cumulatives import MIXTURES, ONES
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen.engine import open_engine
from wavegen.engine.native import NativeEngine
from wavegen.errors import UserError
from wavegen.extension import extension
from wavegen.models.audio import AudioModel
from wavegen.models.forms import AudioForm
from wavegen.models.given import Given

native = pytest.importorskip("wavegen_native", reason="the C++ engine is not installed")
HERE = native.instruction_sets()
LENGTH = 90
NADE = {"name": "nade", "frame_size": 5, "hidden_size": 6}
NETWORKS = {
    "wavenet": {"name": "wavenet", **sensitive_models.SHAPES["kernel-3"], "front_kernel_size": 3},
    "gru": {"name": "gru", "hidden_size": 21},
    "markov": {"name": "markov", "order": 9, "hidden_sizes": [33, 20]},
}
DISTRIBUTIONS = ("mixture-of-logistics", "mixture-of-gaussians")
cuts = st.lists(st.integers(0, LENGTH), max_size=6).map(
    lambda places: list(itertools.pairwise(sorted({0, *places, LENGTH})))
)


@st.composite
def cases(draw: Any, any_network: st.SearchStrategy[dict[str, Any]]) -> Case:
    """Any network, order, hop and distribution, with F0 or without, whose three streams have some frames or none."""
    order, bands, f0 = draw(st.integers(1, 20)), draw(st.integers(1, 5)), draw(st.booleans())
    made = model_of(
        draw(any_network),
        order,
        codec=draw(st.sampled_from([{"name": "linear", "bits": 16}, {"name": "mu-law", "bits": 8}])),
        distribution={"name": draw(st.sampled_from(DISTRIBUTIONS)), "num_mixtures": draw(st.integers(1, 5))},
        bands=bands,
        hop=draw(st.integers(1, 40)),
        look_ahead=draw(st.integers(0, 3)),
        f0=f0,
    )
    return Case(made, [Given(None, rows(draw(st.integers(0, 12)), bands, f0)) for _ in range(3)])


def model_of(network: dict[str, Any], order: int = spectral_models.ORDER, **changes: Any) -> AudioModel:
    """A float32 model of which every weight matters; `changes` are those of its conditioning, and other tables."""
    tables = {name: changes.pop(name) for name in ("codec", "distribution") if name in changes}
    torch.manual_seed(2)
    made = AudioModel.from_settings({**spectral_models.settings(network, order, **changes), **tables}, AudioForm(8000))
    made = sensitive_models.enlivened(made.eval(), 3)
    with torch.no_grad():
        for name, weight in made.network.named_parameters():
            if name == "output.weight":
                weight.mul_(0.2)  # scales are not far from the unit
    return with_filters(made)


def with_filters(made: AudioModel) -> AudioModel:
    """The model with the weights of spectral_models for its predictor."""
    predictor = spectral_models.predictor_of(made)
    with torch.no_grad():
        for name, array in spectral_models.weights(predictor.taps, predictor.config.bands).items():
            predictor.get_parameter(name).copy_(torch.from_numpy(array))
    return made


def rows(count: int, bands: int, f0: bool) -> np.ndarray | None:
    """Frames of a stream, None for none."""
    mel = spectral_models.frames(count, count, bands)
    return None if count == 0 else np.pad(mel, [(0, 0), (0, 2 * f0)], constant_values=0.5)


def case_of(network: str, streams: int = 2) -> Case:
    """One of NETWORKS, the first of whose streams has frames, the second fewer, and the third none."""
    made = model_of(NETWORKS[network])
    return Case(made, [Given(None, rows(count, spectral_models.BANDS, False)) for count in (20, 3, 0)[:streams]])


@settings(deadline=None, max_examples=25)
@given(case=cases(networks()), places=cuts)
def test_fed_in_any_pieces_is_teacher_forcing(case, places):
    pcm = sensitive_models.pcm(3, LENGTH)
    exact = sensitive_models.teacher_forced(case.model, pcm, case.given)
    without = sensitive_models.teacher_forced(case.model, pcm)
    for name in ("cpu", "torch"):
        engine = open_engine(case.model, 3, name)
        case.condition(engine, 3)
        found = np.concatenate([engine.feed(pcm[:, a:b]) for a, b in places], axis=1)
        sensitive_models.assert_agrees(found, exact)
        sensitive_models.assert_agrees(open_engine(case.model, 3, name).feed(pcm), without)


@settings(deadline=None, max_examples=5)
@given(case=cases(st.just(NADE)), places=cuts)
def test_a_network_of_torch_alone(case, places):
    pcm = sensitive_models.pcm(3, LENGTH)
    engine = open_engine(case.model, 3)
    assert engine.name == "torch"
    case.condition(engine, 3)
    found = np.concatenate([engine.feed(pcm[:, a:b]) for a, b in places], axis=1)
    exact = sensitive_models.teacher_forced(case.model, pcm, case.given)
    sensitive_models.assert_agrees(found, exact)


@settings(deadline=None, max_examples=12)
@given(case=cases(networks()), places=cuts, precision=st.sampled_from(["float32", "bfloat16", "int8"]))
def test_same_bits_for_any_instruction_set_streams_threads_and_pieces(case, places, precision):
    pcm = sensitive_models.pcm(3, LENGTH)
    whole = NativeEngine(case.model, 3, 1, "portable", precision)
    case.condition(whole, 3)
    expected = whole.feed(pcm)
    for isa in HERE:
        for streams, threads in [(1, 1), (1, 2), (3, 2)]:
            engine = NativeEngine(case.model, streams, threads, isa, precision)
            case.condition(engine, streams)
            fed = [engine.feed(pcm[:streams, a:b]) for a, b in places]
            assert np.concatenate(fed, axis=1).tobytes() == expected[:streams].tobytes(), (isa, streams, threads)


@pytest.mark.parametrize("network", NETWORKS)
def test_drawing_in_pieces_changes_nothing_and_is_what_is_fed(network):
    case = case_of(network, 3)
    whole, fed, pieces = (open_engine(case.model, 3, "cpu") for _ in range(3))
    for engine in (whole, fed, pieces):
        case.condition(engine, 3)
    pcm, log2_prob = whole.generate(200, [1, 2, 3], 0.9)
    parts = [pieces.generate(count, [1, 2, 3], 0.9) for count in (37, 163)]
    for i, all_at_once in enumerate((pcm, log2_prob)):
        assert np.concatenate([part[i] for part in parts], axis=1).tobytes() == all_at_once.tobytes()
    assert fed.feed(pcm).tobytes() == log2_prob.tobytes()
    sensitive_models.assert_agrees(log2_prob, sensitive_models.teacher_forced(case.model, pcm, case.given))
    assert len(np.unique(pcm)) > 100


@pytest.mark.parametrize("network", NETWORKS)
def test_save_restore_and_another_size_within_a_frame(network):
    case, pcm = case_of(network, 3), sensitive_models.pcm(3, LENGTH)
    engine = open_engine(case.model, 3, "cpu")
    case.condition(engine, 3)
    engine.feed(pcm[:, :37])
    state = engine.save()
    expected = engine.feed(pcm[:, 37:])
    other = open_engine(case.model, 3, "cpu", isa="portable")
    other.feed(pcm[:, 40:45])
    for restored in (engine, other):
        restored.restore(state)
        np.testing.assert_array_equal(restored.feed(pcm[:, 37:]), expected)
    engine.restore(state)
    two = engine.resized(2, [2, 0])
    np.testing.assert_array_equal(two.feed(pcm[[2, 0], 37:]), expected[[2, 0]])


@pytest.mark.parametrize("network", NETWORKS)
def test_what_is_encoded_is_decoded_by_the_same_frames(network):
    case, pcm = case_of(network), sensitive_models.pcm(2, 150)
    encoders = [extension().Encoder() for _ in pcm]
    writing, reading = open_engine(case.model, 2, "cpu"), open_engine(case.model, 2, "cpu", isa="portable")
    case.condition(writing, 2)
    case.condition(reading, 2)
    writing.encode(pcm, encoders)
    words = [encoder.finish() for encoder in encoders]
    decoders = [extension().Decoder(each) for each in words]
    found = np.hstack([reading.decode(count, decoders) for count in (1, 100, 49)])
    np.testing.assert_array_equal(found, pcm)
    assert all(decoder.finished() for decoder in decoders)
    without = open_engine(case.model, 2, "cpu").decode(150, [extension().Decoder(each) for each in words])
    assert not np.array_equal(without, pcm)


ORDER = spectral_models.ORDER


def running(streams: int = 1) -> Any:
    """The extension's engine of a Markov model, with what a call is conditioned on: two frames of five samples."""
    engine: Any = NativeEngine(model_of(NETWORKS["markov"]), streams)._native
    assert engine.filter_width == ORDER + 2
    vectors = np.zeros((3, engine.condition_floats), np.float32)
    rows, phases = np.tile(np.array([1, 2], np.uint32), (streams, 1)), np.zeros(streams, np.uint32)
    filters = np.zeros((3, ORDER + 2))
    filters[:, 0], filters[:, ORDER] = 0.9, 0.5
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
    spoilt = {value: filters.copy() for value in (np.nan, np.inf, -np.inf, 3.5e38)}
    for value, array in spoilt.items():
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
        *spoilt.values(),
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
    spoilt = locations.copy()
    spoilt[1] = np.nan
    for bad in (locations[:1], locations[:, :0].copy(), locations.ravel(), locations.astype(np.float32), spoilt, None):
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
    good = NativeEngine(model_of(NETWORKS["markov"]), 1)._arguments
    how = {"streams": 1, "threads": 1}
    native.Engine(**good, **how)
    with pytest.raises(ValueError if said else TypeError, match=said):
        native.Engine(**{**good, "predictor_filter": filter_}, **how)
    for also, why in (("predictor_weights", "not both"), ("error_table", "needs an error_table")):
        array = np.zeros(3 if also == "predictor_weights" else 0, np.float32)
        with pytest.raises(ValueError, match=why):
            native.Engine(**{**good, also: array}, **how)


def test_filters_that_no_input_can_make_overflow():
    """At the ends of what is taken every index stays inside its table: errors clip."""
    engine, (*conditions, filters) = running()
    largest = float(np.finfo(np.float32).max)
    symbols = np.array([[0, 65535, 0, 65535, 32768, 0, 0, 65535, 65535, 0]], np.uint16)
    for signs in itertools.product((largest, -largest), repeat=2):
        filters[:] = np.resize(signs, ORDER + 2)
        engine.feed(symbols, (*conditions, filters))
        engine.restore(*engine.save())
        assert np.isfinite(engine.feed(symbols, (*conditions, filters))).all()


def test_engine_cuda_refuses_it():
    with pytest.raises(
        UserError, match=r"^engine cuda does not run models with a spectral predictor; try `engine='cpu'`$"
    ):
        open_engine(model_of(NETWORKS["wavenet"]), engine="cuda")


# Raise `numerics` in csrc/bindings/module.cpp (and wavegen/constants.py) with any change that changes these.
GOLDEN = {"wavenet": "6d5d6fd2db13bdee", "gru": "c4b4b064b1b04135", "markov": "1b00d5d5abbafb49"}


def formula_case(network: str) -> Case:
    """A model and frames of integer formulas: no library's random numbers or cosines are in its bits."""
    made = with_filters(sensitive_models.by_formula(model_of(NETWORKS[network]), 1))
    ratios = np.tile(np.arange(-2, spectral_models.BANDS - 2) / 4, (ORDER, 1))  # of a band from lag to lag
    lags = 1e6 * np.concatenate([np.ones_like(ratios[:1]), np.multiply.accumulate(ratios)])
    with torch.no_grad():
        spectral_models.predictor_of(made).autocorrelation.copy_(torch.from_numpy(lags))
    scrambled = np.arange(20 * spectral_models.BANDS, dtype=np.uint64) * 2654435761 >> np.uint64(7)
    frames = (scrambled % 4096).astype(np.float32).reshape(20, -1) / 2048 - 1
    return Case(made, [Given(None, frames), Given()])


@pytest.mark.parametrize("isa", HERE)
@pytest.mark.parametrize("network", NETWORKS)
def test_golden_bits(network, isa):
    case = formula_case(network)
    engine = open_engine(case.model, 2, "cpu", isa=isa)
    case.condition(engine, 2)
    pcm = ((np.arange(400, dtype=np.int64) ** 2 * 40503) % 65536 - 32768).astype(np.int16).reshape(2, 200) // 8
    fed = engine.feed(pcm)
    drawn, log2_prob = engine.generate(100, [1, 2], exact=True)
    assert fed.std() > 1
    values = np.concatenate([fed, drawn.astype(np.float64), log2_prob], axis=1)
    assert hashlib.sha256(values.astype("<f8").tobytes()).hexdigest()[:16] == GOLDEN[network]

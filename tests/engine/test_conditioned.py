"""Conditions in the engines: teacher forcing, whatever is cut, and the same bits however they are run."""

import itertools

import numpy as np
import pytest
import sensitive_models
from conditional_models import BOTH, FRAMES, NETWORKS, SPEAKERS, cases, conditional
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen.engine import open_engine
from wavegen.engine.native import NativeEngine
from wavegen.extension import extension
from wavegen.models.given import Given

native = pytest.importorskip("wavegen_native", reason="the C++ engine is not installed")
HERE = native.instruction_sets()
ENGINES = ("cpu", "torch")
cuts = st.lists(st.integers(0, 90), max_size=6).map(lambda at: itertools.pairwise(sorted({0, *at, 90})))


@settings(deadline=None, max_examples=40)
@given(case=cases(), chunks=cuts)
def test_any_engine_fed_in_any_pieces_is_teacher_forcing(case, chunks):
    pcm = sensitive_models.pcm(3, 90)
    chunks = list(chunks)
    exact = sensitive_models.teacher_forced(case.model, pcm, case.given)
    without = sensitive_models.teacher_forced(case.model, pcm)
    for name in ENGINES:
        engine = open_engine(case.model, 3, engine=name)
        case.condition(engine, 3)
        found = np.concatenate([engine.feed(pcm[:, a:b]) for a, b in chunks], axis=1)
        sensitive_models.assert_agrees(found, exact)
        sensitive_models.assert_agrees(open_engine(case.model, 3, engine=name).feed(pcm), without)


@pytest.mark.parametrize("network", NETWORKS)
def test_each_condition_matters(network):
    """A test of agreement would be empty if conditions changed little."""
    case = conditional(network, BOTH, 1)
    pcm = sensitive_models.pcm(1, 200)
    speaker, frames = case.given[0]
    told = [Given(), Given(speaker), Given(None, frames), Given(speaker, frames), Given("anna", frames)]
    found = [sensitive_models.teacher_forced(case.model, pcm, [one]) for one in told]
    for one, other in itertools.combinations(found, 2):
        assert np.abs(one - other).mean() > 0.05


@settings(deadline=None, max_examples=25)
@given(case=cases(), chunks=cuts, precision=st.sampled_from(["float32", "bfloat16", "int8"]))
def test_same_bits_for_any_instruction_set_streams_threads_and_pieces(case, chunks, precision):
    pcm = sensitive_models.pcm(3, 90)
    chunks = list(chunks)
    whole = NativeEngine(case.model, 3, 1, "portable", precision)
    case.condition(whole, 3)
    expected = whole.feed(pcm)
    for isa in HERE:
        for streams, threads in [(1, 1), (1, 2), (3, 2)]:
            engine = NativeEngine(case.model, streams, threads, isa, precision)
            case.condition(engine, streams)
            fed = [engine.feed(pcm[:streams, a:b]) for a, b in chunks]
            assert np.concatenate(fed, axis=1).tobytes() == expected[:streams].tobytes(), (isa, streams, threads)


@pytest.mark.parametrize("conditioning", [SPEAKERS, FRAMES, BOTH], ids=["speakers", "frames", "both"])
@pytest.mark.parametrize("network", NETWORKS)
def test_drawing_in_pieces_changes_nothing_and_is_what_is_fed(network, conditioning):
    case = conditional(network, conditioning)
    whole, fed, pieces = (open_engine(case.model, 2, engine="cpu") for _ in range(3))
    for engine in (whole, fed, pieces):
        case.condition(engine, 2)
    pcm, log2_prob = whole.generate(200, [1, 2], 0.9)
    parts = [pieces.generate(100, [1, 2], 0.9) for _ in range(2)]
    for i, all_at_once in enumerate((pcm, log2_prob)):
        assert np.concatenate([part[i] for part in parts], axis=1).tobytes() == all_at_once.tobytes()
    assert fed.feed(pcm).tobytes() == log2_prob.tobytes()


def test_more_than_a_piece_of_a_call_is_drawn():
    case = conditional("wavenet", BOTH, 1, frames=1000)
    drawn = open_engine(case.model, 1, engine="cpu")
    case.condition(drawn, 1)
    pcm, log2_prob = drawn.generate(9000, [1])
    fed = open_engine(case.model, 1, engine="cpu")
    case.condition(fed, 1)
    again = [fed.feed(pcm[:, a:b]) for a, b in itertools.pairwise([0, 5000, 5001, 9000])]
    assert np.concatenate(again, axis=1).tobytes() == log2_prob.tobytes()


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
@pytest.mark.parametrize("network", ["wavenet", "kernel-3"])
def test_two_threads_with_one_stream_give_its_bits(network, precision):
    case = conditional(network, BOTH, 1)
    results = []
    for threads in (1, 2):
        engine = NativeEngine(case.model, 1, threads, None, precision)
        case.condition(engine, 1)
        drawn = [
            engine.generate(count, [7], 0.9) for count in (30, 170, 1)
        ]  # each way is tried for 64 samples at first
        results.append([array.tobytes() for part in drawn for array in part])
    assert results[0] == results[1]


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("network", ["wavenet", "gru", "markov"])
def test_save_and_restore_within_a_frame(name, network):
    case = conditional(network, BOTH)
    pcm = sensitive_models.pcm(2, 100)
    engine = open_engine(case.model, 2, engine=name)
    case.condition(engine, 2)
    engine.feed(pcm[:, :37])
    state = engine.save()
    expected = engine.feed(pcm[:, 37:])
    other = open_engine(case.model, 2, engine=name)
    other.condition(0, "anna")
    other.feed(pcm[:, 40:45])
    for restored in (engine, other):
        restored.restore(state)
        np.testing.assert_array_equal(restored.feed(pcm[:, 37:]), expected)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("network", ["wavenet", "lstm", "markov"])
def test_streams_keep_their_conditions_in_an_engine_of_another_size(name, network):
    case = conditional(network, BOTH, 3)
    pcm = sensitive_models.pcm(3, 60)
    alone = sensitive_models.teacher_forced(case.model, pcm, case.given)
    unconditioned = sensitive_models.teacher_forced(case.model, pcm)
    three = open_engine(case.model, 3, engine=name)
    case.condition(three, 3)
    three.feed(pcm[:, :37])
    other = three.resized(3, [2, 0])
    found = other.feed(np.stack([pcm[2, 37:], pcm[0, 37:], pcm[1, :23]]))
    sensitive_models.assert_agrees(found, np.stack([alone[2, 37:], alone[0, 37:], unconditioned[1, :23]]))
    sensitive_models.assert_agrees(three.feed(pcm[:, 37:]), alone[:, 37:])
    sensitive_models.assert_agrees(three.resized(1).feed(pcm[:1]), unconditioned[:1])


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("network", ["wavenet", "gru", "markov-linear"])
def test_what_is_encoded_is_decoded_under_the_same_condition(name, network):
    case = conditional(network, BOTH)
    pcm = sensitive_models.pcm(2, 150)
    encoders = [extension().Encoder() for _ in pcm]
    writing, reading = open_engine(case.model, 2, engine=name), open_engine(case.model, 2, engine=name)
    case.condition(writing, 2)
    case.condition(reading, 2)
    log2_prob = writing.encode(pcm, encoders)
    sensitive_models.assert_agrees(log2_prob, sensitive_models.teacher_forced(case.model, pcm, case.given))
    words = [encoder.finish() for encoder in encoders]
    decoders = [extension().Decoder(each) for each in words]
    found = np.hstack([reading.decode(count, decoders) for count in (1, 100, 49)])
    np.testing.assert_array_equal(found, pcm)
    assert all(decoder.finished() for decoder in decoders)
    without = open_engine(case.model, 2, engine=name).decode(150, [extension().Decoder(each) for each in words])
    assert not np.array_equal(without, pcm)

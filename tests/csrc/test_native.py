import hashlib
import itertools
import threading

import numpy as np
import pytest
import sensitive_models
import small_models
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from wavegen.benchmarking.peers import wavenet_of
from wavegen.engine import open_engine
from wavegen.engine.native import NativeEngine
from wavegen.engine.random import uniforms, words
from wavegen.errors import UserError

native = pytest.importorskip("wavegen_native", reason="the C++ engine is not installed")
HERE = native.instruction_sets()
EVERY_ISA = [
    pytest.param(isa, marks=[] if isa in HERE else pytest.mark.skip(reason=f"this CPU has no {isa}"))
    for isa in ("portable", "avx2", "avx512")
]
SEEDS = [7, 2**64 - 1, 0, 12345678901234567890, 8]


def run(model, isa, streams, threads, temperature=1.0, exact=False):
    """A primed start and 150 draws: PCM and log2 p of everything, (streams, 200)."""
    engine = open_engine(model, streams, engine="cpu", threads=threads, isa=isa)
    prime = sensitive_models.pcm(5, 50)[:streams]
    fed = engine.feed(prime)
    drawn, log2_prob = engine.generate(150, SEEDS[:streams], temperature, exact=exact)
    return np.concatenate([prime, drawn], axis=1), np.concatenate([fed, log2_prob], axis=1)


@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("shape", sensitive_models.SHAPES)
@pytest.mark.parametrize("isa", EVERY_ISA)
def test_agrees_with_teacher_forcing_in_float64(isa, shape, temperature):
    model = sensitive_models.wavenet(shape)
    pcm, log2_prob = run(model, isa, 2, 1, temperature)
    sensitive_models.assert_agrees(log2_prob, sensitive_models.teacher_forced(model, pcm))
    assert log2_prob.std() > 0.5  # the test would be empty if nothing happened
    assert len(np.unique(pcm[:, 50:])) > 20


@pytest.mark.parametrize("isa", EVERY_ISA)
def test_agrees_on_anything_fed_from_the_first_sample_on(isa):
    model = sensitive_models.wavenet("kernel-3")
    pcm = sensitive_models.pcm(3, 400)
    log2_prob = open_engine(model, 3, engine="cpu", isa=isa).feed(pcm)
    sensitive_models.assert_agrees(log2_prob, sensitive_models.teacher_forced(model, pcm))
    sensitive_models.assert_agrees(log2_prob[:, :1], sensitive_models.teacher_forced(model, pcm[:, :1]))


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("shape", sensitive_models.SHAPES)
def test_same_bits_for_any_instruction_set_streams_and_threads(shape, exact):
    model = sensitive_models.wavenet(shape)
    pcm, log2_prob = run(model, "portable", 5, 2, 0.9, exact)
    for isa in HERE:
        for streams, threads in [(1, 1), (1, 2), (5, 1), (5, 2)]:
            other_pcm, other_log2_prob = run(model, isa, streams, threads, 0.9, exact)
            assert other_pcm.tobytes() == pcm[:streams].tobytes(), (isa, streams, threads)
            assert other_log2_prob.tobytes() == log2_prob[:streams].tobytes(), (isa, streams, threads)


@settings(deadline=None, max_examples=10)
@given(
    shape=st.fixed_dictionaries(
        {
            "residual_channels": st.integers(1, 40),
            "gate_channels": st.integers(1, 20).map(lambda half: 2 * half),
            "skip_channels": st.integers(1, 40),
            "kernel_size": st.integers(2, 4),
            "dilations": st.lists(st.integers(1, 40), min_size=1, max_size=5),
        }
    )
)
def test_any_architecture_alone_and_together_fed_and_stepped(shape):
    model = sensitive_models.wavenet(shape)
    pcm = sensitive_models.pcm(32, 90)
    expected = open_engine(model, 32, engine="cpu", threads=1, isa="portable").feed(pcm)
    sensitive_models.assert_agrees(expected, sensitive_models.teacher_forced(model, pcm))
    for isa in HERE:
        for streams, threads in [(1, 1), (1, 2), (3, 1), (32, 2)]:
            engine = open_engine(model, streams, engine="cpu", threads=threads, isa=isa)
            cuts = itertools.pairwise([0, 7, *range(8, 50), 90])  # blocks, steps and blocks again
            fed = [engine.feed(pcm[:streams, a:b]) for a, b in cuts]
            assert np.concatenate(fed, axis=1).tobytes() == expected[:streams].tobytes(), (isa, streams, threads)


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
@pytest.mark.parametrize("shape", sensitive_models.SHAPES)
def test_two_threads_with_one_stream_give_its_bits(shape, precision):
    model = sensitive_models.wavenet(shape)
    prime = sensitive_models.pcm(1, 30)
    results = []
    for threads in (1, 2):
        engine = NativeEngine(model, 1, threads, None, precision)
        fed = engine.feed(prime)
        first = engine.generate(100, [7])  # both ways: each is tried for 64 samples at first
        state = engine.save()
        rest = engine.generate(150, [7], 0.8)
        engine.restore(state)
        again = engine.generate(150, [7], 0.8)
        assert [array.tobytes() for array in again] == [array.tobytes() for array in rest]
        results.append([array.tobytes() for array in (fed, *first, *rest)])
    assert results[0] == results[1]


@pytest.mark.parametrize("isa", EVERY_ISA)
def test_feeding_what_was_generated_gives_the_reported_log_probs(isa):
    model = sensitive_models.wavenet()
    pcm, log2_prob = open_engine(model, 2, engine="cpu", isa="portable").generate(120, [1, 2], 1.3)
    engine = open_engine(model, 2, engine="cpu", isa=isa)
    cuts = [0, 1, 2, 50, 51, 120]
    fed = [engine.feed(pcm[:, a:b]) for a, b in itertools.pairwise(cuts)]
    assert np.concatenate(fed, axis=1).tobytes() == log2_prob.tobytes()


def test_generating_in_pieces_changes_nothing():
    model = sensitive_models.wavenet()
    whole = open_engine(model, 2, engine="cpu").generate(9000, [1, 2])  # more than a piece of a call
    engine = open_engine(model, 2, engine="cpu")
    parts = [engine.generate(count, [1, 2]) for count in (0, 100, 100, 1, 8799)]
    for i in range(2):
        assert np.concatenate([part[i] for part in parts], axis=1).tobytes() == whole[i].tobytes()


def test_time_counts_what_was_fed():
    model = sensitive_models.wavenet()
    pcm, log2_prob = open_engine(model, 1, engine="cpu").generate(200, [5])
    engine = open_engine(model, 1, engine="cpu")
    engine.feed(pcm[:, :80])
    again, again_log2_prob = engine.generate(120, [5])
    assert again.tobytes() == pcm[:, 80:].tobytes()
    assert again_log2_prob.tobytes() == log2_prob[:, 80:].tobytes()


def test_save_and_restore():
    model = sensitive_models.wavenet("kernel-3")
    engine = open_engine(model, 2, engine="cpu")
    engine.feed(sensitive_models.pcm(2, 37))
    state = engine.save()
    expected = engine.generate(50, [1, 2])
    other = open_engine(model, 2, engine="cpu", isa="portable")
    other.feed(sensitive_models.pcm(2, 5, seed=9))
    for restored in (engine, other):
        restored.restore(state)
        found = restored.generate(50, [1, 2])
        assert [array.tobytes() for array in found] == [array.tobytes() for array in expected]


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 0.5, 2.0])
def test_each_random_word_lies_in_the_twins_cell(temperature, exact):
    model = sensitive_models.wavenet()
    asked = {"temperature": temperature, "exact": exact}
    pcm, _ = open_engine(model, 2, engine="cpu").generate(500, [3, 4], **asked)
    lower, upper = (sensitive_models.cumulative(model, pcm, step, **asked) for step in (0, 1))
    u = uniforms(np.stack([words(seed, 0, 500) for seed in (3, 4)]), exact)
    assert (u >= lower - 1e-5).all()
    assert (u <= upper + 1e-5).all()
    assert ((u >= lower) & (u < upper)).mean() > 0.99


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_draws_follow_the_distribution_that_was_asked_for(temperature, exact):
    model = sensitive_models.wavenet()
    prime = np.repeat(sensitive_models.pcm(1, 20), 2500, axis=0)
    streams = 2500
    engine = open_engine(model, streams, engine="cpu")
    engine.feed(prime)
    state = engine.save()
    draws = []
    for batch in range(4):
        engine.restore(state)
        draws.append(engine.generate(1, range(batch * streams, (batch + 1) * streams), temperature, exact=exact)[0])
    counts = np.bincount(model.encode(torch.from_numpy(np.concatenate(draws).ravel())), minlength=256)
    expected = 10_000 * sensitive_models.probabilities(model, prime[0], temperature=temperature, exact=exact)
    common = expected >= 5
    found = np.append(counts[common], counts[~common].sum())
    assert common.sum() >= 10
    assert chisquare(found, np.append(expected[common], expected[~common].sum())).pvalue > 1e-3


# Raise `numerics` in csrc/bindings/module.cpp (and wavegen/constants.py) with any change that changes these; the last
# two are of draws for listening, the others belong to the scored density.
GOLDEN = {
    "fed": "df874d7937328084",
    "drawn": "b9353c3f8f19466b",
    "tempered": "9bbb1f9fb6a39a67",
    "listening": "b4dbadafd03435ad",
    "listening at 0.75": "36ee9197a4dd4abc",
}


def formula_model():
    model = sensitive_models.by_formula(sensitive_models.wavenet("kernel-3"))
    with torch.no_grad():
        small_models.output_of(model).weight.mul_(8)
    return model


@pytest.mark.parametrize("isa", EVERY_ISA)
def test_golden_bits(isa):
    assert native.numerics == 1
    engine = open_engine(formula_model(), 1, engine="cpu", isa=isa)
    pcm = ((np.arange(300, dtype=np.int64) ** 2 * 40503) % 65536 - 32768).astype(np.int16)[None]
    results = {"fed": engine.feed(pcm)}
    calls = {"drawn": (200, 1, 1.0, True), "tempered": (200, 2, 0.75, True)}
    calls |= {"listening": (600, 3, 1.0, False), "listening at 0.75": (600, 4, 0.75, False)}
    for name, (samples, seed, temperature, exact) in calls.items():
        drawn, log2_prob = engine.generate(samples, [seed], temperature, exact=exact)
        results[name] = np.concatenate([drawn.astype(np.float64), log2_prob])
    assert results["fed"].std() > 1
    hashes = {name: hashlib.sha256(value.astype("<f8").tobytes()).hexdigest() for name, value in results.items()}
    assert {name: value[:16] for name, value in hashes.items()} == GOLDEN


def test_results_do_not_depend_on_the_hosts_rounding():
    model = sensitive_models.wavenet()
    with torch.no_grad():  # everything between front and gates is subnormal: flushed to zero it would be gone
        assert model.embedding is not None
        model.embedding.weight.mul_(1e-20)
        network = wavenet_of(model)
        network.front.taps.weight.mul_(1e-19)
        network.front.taps.bias.zero_()
        for taps in network.gate_taps:
            taps.weight.mul_(1e38)
        for layer in network.residual_maps:
            layer.weight.mul_(1e-39)
            layer.bias.zero_()
    pcm = sensitive_models.pcm(1, 60)
    expected = {isa: open_engine(model, 1, engine="cpu", isa=isa).feed(pcm) for isa in HERE}
    assert expected[HERE[0]].std() > 0.5
    tiny = torch.tensor([1e-40])
    assert torch.set_flush_denormal(True)
    try:
        found = {isa: open_engine(model, 1, engine="cpu", isa=isa).feed(pcm) for isa in HERE}
        restored = (tiny * 1).item() == 0
    finally:
        torch.set_flush_denormal(False)
    assert restored  # the host has its own mode back
    for isa in HERE:
        assert found[isa].tobytes() == expected[isa].tobytes()


def test_outputs_that_are_not_finite_are_an_error():
    model = sensitive_models.wavenet()
    engine = open_engine(model, 2, engine="cpu")
    state = engine.save()
    with torch.no_grad():
        small_models.output_of(model).weight.fill_(3e38)
    broken = open_engine(model, 2, engine="cpu")
    for _ in range(2):
        with pytest.raises(UserError, match="not finite"):
            broken.generate(10, [1, 2])
        with pytest.raises(UserError, match="not finite"):
            broken.feed(sensitive_models.pcm(2, 10))
    broken.restore(state)
    with pytest.raises(UserError, match="not finite"):
        broken.generate(10, [1, 2])


def test_two_threads_at_one_engine_are_told_apart():
    engine = NativeEngine(sensitive_models.wavenet("wide"), 1, isa="portable")
    worker = threading.Thread(target=engine.generate, args=(1000, [1]))

    def ask_while_it_works():
        while worker.is_alive():
            engine.save()

    worker.start()
    with pytest.raises(RuntimeError, match="in use by another thread"):
        ask_while_it_works()
    worker.join()

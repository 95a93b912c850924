import numpy as np
import pytest
import sensitive_models
import small_models
import torch
from scipy.stats import chisquare

from wavegen.engine import torch as twin
from wavegen.engine.random import uniforms, words
from wavegen.engine.torch import TorchEngine
from wavegen.errors import UserError


def opened(name, streams=2):
    return TorchEngine(small_models.model(name), streams)


@pytest.mark.parametrize("name", small_models.NAMES)
def test_steps_are_teacher_forcing(name):
    engine = opened(name)
    prime = sensitive_models.pcm(2, 13)
    fed = engine.feed(prime)
    drawn, log2_prob = engine.generate(40, [1, 2], 1.5)
    pcm, found = np.concatenate([prime, drawn], axis=1), np.concatenate([fed, log2_prob], axis=1)
    np.testing.assert_allclose(found, sensitive_models.teacher_forced(engine.model, pcm), rtol=1e-9)


@pytest.mark.parametrize("name", small_models.NAMES)
def test_feeding_in_any_chunks_is_the_same(name, monkeypatch):
    pcm = sensitive_models.pcm(2, 50)
    whole = opened(name).feed(pcm)
    monkeypatch.setattr(twin, "_CHUNK", 14)  # seven samples of each stream
    np.testing.assert_allclose(opened(name).feed(pcm), whole, rtol=1e-9)


@pytest.mark.parametrize("name", small_models.NAMES)
def test_generating_in_pieces_changes_nothing(name):
    whole, whole_log2_prob = opened(name).generate(60, [1, 2])
    engine = opened(name)
    parts = [engine.generate(count, [1, 2]) for count in (25, 0, 35)]
    assert np.array_equal(np.concatenate([part[0] for part in parts], axis=1), whole)
    assert np.array_equal(np.concatenate([part[1] for part in parts], axis=1), whole_log2_prob)


@pytest.mark.parametrize("name", small_models.NAMES)
def test_streams_are_independent(name):
    together, log2_prob = opened(name, 3).generate(40, [1, 2, 3])
    alone, alone_log2_prob = opened(name, 1).generate(40, [2])
    assert np.array_equal(alone[0], together[1])
    np.testing.assert_allclose(alone_log2_prob[0], log2_prob[1], rtol=1e-9)


@pytest.mark.parametrize("name", small_models.NAMES)
def test_save_and_restore(name):
    engine = opened(name)
    engine.feed(sensitive_models.pcm(2, 11))
    state = engine.save()
    expected = engine.generate(20, [1, 2])
    other = opened(name)
    for restored in (engine, other):
        restored.restore(state)
        assert all(np.array_equal(a, b) for a, b in zip(restored.generate(20, [1, 2]), expected, strict=True))


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_words_are_looked_up_in_the_cumulative_distribution(temperature, exact):
    engine = opened("wavenet", 1)
    asked = {"temperature": temperature, "exact": exact}
    pcm, _ = engine.generate(300, [9], **asked)
    lower, upper = (sensitive_models.cumulative(engine.model, pcm, step, **asked) for step in (0, 1))
    u = uniforms(words(9, 0, 300), exact)
    assert ((u >= lower) & (u < upper)).all()


def test_draws_follow_the_scored_distribution():
    engine = opened("gru", 10_000)
    drawn, _ = engine.generate(1, range(10_000), exact=True)
    model = engine.model
    counts = np.bincount(model.encode(torch.from_numpy(drawn[:, 0])), minlength=model.codec.num_symbols)
    every = model.decode(torch.arange(model.codec.num_symbols)).numpy().astype(np.int16)[:, None]
    log2_prob = TorchEngine(small_models.model("gru"), model.codec.num_symbols).feed(every)[:, 0]
    expected = 10_000 * 2**log2_prob * model.codes_per_symbol.numpy()
    assert chisquare(counts, expected * 10_000 / expected.sum()).pvalue > 1e-3
    assert abs(expected.sum() - 10_000) < 0.01


def test_the_model_handed_in_stays_as_it_was():
    model = small_models.mu_law_model(name="wavenet").float()
    TorchEngine(model, 1).generate(1, [0])
    assert all(weight.dtype == torch.float32 and weight.requires_grad for weight in model.parameters())


def test_outputs_that_are_not_finite_are_an_error():
    model = small_models.model("gru")
    with torch.no_grad():
        small_models.output_of(model).weight.fill_(float("inf"))
    for call in (lambda e: e.generate(3, [1]), lambda e: e.feed(sensitive_models.pcm(1, 3))):
        with pytest.raises(UserError, match="not finite"):
            call(TorchEngine(model, 1))

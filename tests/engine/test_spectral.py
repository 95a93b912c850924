"""Spectral predictors in the engines: teacher forcing, draws, saved streams and coding."""

import itertools

import numpy as np
import pytest
import sensitive_models
import spectral_models
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen.engine import open_engine
from wavegen.engine.random import uniforms, words
from wavegen.extension import extension
from wavegen.models.given import Given

native = pytest.importorskip("wavegen_native", reason="the C++ engine is not installed")
ENGINES = ("cpu", "torch")
NETWORKS = {
    "gru": {"name": "gru", "hidden_size": 9},
    "wavenet": {"name": "wavenet", **sensitive_models.SHAPES["odd"], "front_kernel_size": 3},
    "markov": {"name": "markov", "order": 4, "hidden_sizes": [9]},
}
GIVEN = [Given(None, spectral_models.frames(6, 1)), Given(), Given(None, spectral_models.frames(9, 2))]
cuts = st.lists(st.integers(0, 90), max_size=6).map(lambda at: itertools.pairwise(sorted({0, *at, 90})))


def opened(model, name, streams=3):
    engine = open_engine(model, streams, engine=name)
    for stream, one in enumerate(GIVEN[:streams]):
        engine.condition(stream, None, one.frames)
    return engine


@settings(deadline=None, max_examples=15)
@given(chunks=cuts, network=st.sampled_from(sorted(NETWORKS)), order=st.sampled_from([1, 5, 16]))
def test_any_engine_fed_in_any_pieces_is_teacher_forcing(chunks, network, order):
    model, pcm = spectral_models.model(NETWORKS[network], order), sensitive_models.pcm(3, 90)
    exact, chunks = sensitive_models.teacher_forced(model, pcm, GIVEN), list(chunks)
    assert exact.std() > 1
    for name in ENGINES:
        engine = opened(model, name)
        found = np.concatenate([engine.feed(pcm[:, a:b]) for a, b in chunks], axis=1)
        sensitive_models.assert_agrees(found, exact)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("network", NETWORKS)
def test_draws_are_scored_as_they_are_drawn_and_lie_in_the_cells_of_their_words(name, network):
    model, seeds = spectral_models.model(NETWORKS[network]), [3, 4, 5]
    pcm, log2_prob = opened(model, name).generate(60, seeds, exact=True)
    exact = sensitive_models.teacher_forced(model, pcm, GIVEN)
    sensitive_models.assert_agrees(log2_prob, exact)
    assert (exact > -20).mean() > 0.9
    assert len(np.unique(pcm)) > 50
    lower, upper = (cumulative(model, pcm, step) for step in (0, 1))
    u = uniforms(np.stack([words(seed, 0, 60) for seed in seeds]), True)
    assert ((u >= lower - 1e-5) & (u < upper + 1e-5)).all()


def cumulative(model, pcm, step):
    import torch

    exact, codes = model.double(), torch.from_numpy(pcm.astype(np.int64))
    with torch.inference_mode():
        params, location, _ = exact.params(codes, exact.initial_state(3, conditions=GIVEN))
        found = exact.cumulative(params, exact.encode(codes) + step, location=location).numpy()
    model.float()
    return found


@pytest.mark.parametrize("name", ENGINES)
def test_streams_are_restored_and_kept_within_a_frame(name):
    """With the location before, which does not follow from the codes."""
    model, pcm = spectral_models.model(NETWORKS["gru"]), sensitive_models.pcm(3, 80)
    exact = sensitive_models.teacher_forced(model, pcm, GIVEN)
    engine = opened(model, name)
    engine.feed(pcm[:, :37])
    state = engine.save()
    expected = engine.feed(pcm[:, 37:])
    sensitive_models.assert_agrees(expected, exact[:, 37:])
    other = opened(model, name)
    other.feed(pcm[::-1, :45])
    for restored in (engine, other):
        restored.restore(state)
        np.testing.assert_array_equal(restored.feed(pcm[:, 37:]), expected)
    engine.restore(state)
    two = engine.resized(2, [2, 0])
    sensitive_models.assert_agrees(two.feed(pcm[[2, 0], 37:]), exact[[2, 0], 37:])


@pytest.mark.parametrize("name", ENGINES)
def test_what_is_encoded_is_decoded_with_frames_that_come_late(name):
    model, pcm = spectral_models.model(NETWORKS["gru"]), sensitive_models.pcm(1, 66)
    frames = spectral_models.frames(6, 1)
    encoder = extension().Encoder()
    sensitive_models.assert_agrees(
        opened(model, name, 1).encode(pcm, [encoder]), sensitive_models.teacher_forced(model, pcm, GIVEN[:1])
    )
    reading, decoder, found = open_engine(model, 1, engine=name), extension().Decoder(encoder.finish()), []
    reading.condition(0, None, frames[:2], ended=False)
    for k in range(6):
        if k < 4:
            reading.condition(0, None, frames[2 + k : 3 + k], ended=k == 3)
        found.append(reading.decode(spectral_models.HOP, [decoder]))
    np.testing.assert_array_equal(np.concatenate(found, axis=1), pcm)
    assert decoder.finished()

"""Streams of the CUDA engine: alone or among many, cut, saved and restored, fed what was drawn, and not finite."""

import itertools

import numpy as np
import pytest
import sensitive_models
import small_models
import torch
from cuda_runs import KERNELS, model_of, results

from wavegen.engine import cuda, native, open_engine
from wavegen.engine.cuda import CudaEngine
from wavegen.errors import UserError

pytestmark = pytest.mark.skipif(native.missing() is not None, reason="the C++ engine is not installed")


@pytest.mark.parametrize(("kernel", "streams"), [("latency", 4), ("throughput", 6), ("throughput", 35)])
def test_a_stream_does_not_depend_on_its_batch(gpu, monkeypatch, kernel, streams):
    if gpu == "stand-in":
        monkeypatch.setenv("WAVEGEN_SHIM_SMS", "6")  # so that 35 streams are in groups of sixteen
    model, seeds = model_of("one-gaussian"), range(streams)
    together = CudaEngine(model, streams, kernel=kernel).generate(20, seeds)
    for stream in {0, streams // 2, streams - 1}:
        alone = CudaEngine(model, 1, kernel="throughput").generate(20, [stream])
        assert [row[0].tobytes() for row in alone] == [row[stream].tobytes() for row in together]


def test_groups_of_sixteen_streams_on_every_multiprocessor(gpu, monkeypatch):
    """As many streams as it takes to have wide groups, on a real GPU hundreds, and a last group that is not full."""
    if gpu == "stand-in":
        monkeypatch.setenv("WAVEGEN_SHIM_SMS", "2")
    streams = 4 * cuda.extension().multiprocessors() + 19
    model = model_of("one-gaussian")
    together = CudaEngine(model, streams, kernel="throughput").generate(20, range(streams))
    for stream in (0, 17, streams - 1):
        alone = open_engine(model, 1, engine="cpu").generate(20, [stream])
        assert [row[0].tobytes() for row in alone] == [row[stream].tobytes() for row in together]


@pytest.mark.parametrize("kernel", KERNELS)
def test_cut_anywhere_saved_and_restored(gpu, monkeypatch, kernel):
    """In pieces, of calls and of launches; from and to the cpu engine; and a stream that was elsewhere meanwhile."""
    model, seeds = model_of("logistics"), [1, 2]
    whole = CudaEngine(model, 2, kernel=kernel).generate(60, seeds)
    engine = CudaEngine(model, 2, kernel=kernel)
    monkeypatch.setattr(engine, "_piece", 7)
    parts = [engine.generate(b - a, seeds) for a, b in itertools.pairwise([0, 1, 2, 23, 40])]
    assert engine._native.feed(np.zeros((2, 0), dtype=np.uint16)).shape == (2, 0)  # nothing changes nothing
    state = engine.save()
    other = open_engine(model, 2, engine="cpu")
    other.feed(sensitive_models.pcm(2, 9))
    for goes_on in (engine, other, CudaEngine(model, 2, kernel=kernel)):
        goes_on.restore(state)
        last = goes_on.generate(20, seeds)
        for pieces, expected in zip(zip(*parts, last, strict=True), whole, strict=True):
            assert np.concatenate(pieces, axis=1).tobytes() == expected.tobytes()


@pytest.mark.parametrize("kernel", KERNELS)
def test_feeding_what_was_generated_gives_the_reported_log_probs(gpu, kernel):
    model = model_of("gaussians")
    pcm, log2_prob = CudaEngine(model, 2, kernel=kernel).generate(40, [1, 2], 1.3)
    engine = CudaEngine(model, 2, kernel=kernel)
    fed = [engine.feed(pcm[:, a:b]) for a, b in [(0, 1), (1, 2), (2, 25), (25, 40)]]
    assert np.concatenate(fed, axis=1).tobytes() == log2_prob.tobytes()
    assert engine.generate(0, [1, 2])[0].shape == (2, 0)


@pytest.mark.parametrize("kernel", KERNELS)
def test_another_number_of_streams_shares_the_weights(gpu, kernel):
    model = model_of("odd")
    other = CudaEngine(model, 1, kernel=kernel).resized(3)
    assert results(other, 3) == results(open_engine(model, 3, engine="cpu"), 3)


@pytest.mark.parametrize("kernel", KERNELS)
def test_outputs_that_are_not_finite_are_an_error(gpu, kernel):
    model = model_of("odd")
    state = CudaEngine(model, 2, kernel=kernel).save()
    with torch.no_grad():
        small_models.output_of(model).weight.fill_(3e38)
    broken = CudaEngine(model, 2, kernel=kernel)
    for _ in range(2):
        with pytest.raises(UserError, match="not finite"):
            broken.generate(10, [1, 2])
        with pytest.raises(UserError, match="not finite"):
            broken.feed(sensitive_models.pcm(2, 10))
    broken.restore(state)
    with pytest.raises(UserError, match="not finite"):
        broken.generate(10, [1, 2])


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_state_restored_is_all_that_it_takes_to_go_on(gpu, kernel):
    model = model_of("odd")
    with torch.no_grad():
        assert model.embedding is not None
        model.embedding.weight[-1] = 3e38  # what is loudest makes sums that are not finite
    engine, quiet, loud = (
        CudaEngine(model, 2, kernel=kernel),
        np.zeros((2, 5), np.int16),
        np.full((2, 5), 32767, np.int16),
    )
    start = engine.save()
    expected = engine.feed(quiet)
    with pytest.raises(UserError, match="not finite"):
        engine.feed(loud)
    engine.restore(start)
    assert engine.feed(quiet).tobytes() == expected.tobytes()

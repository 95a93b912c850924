"""Conditions in the CUDA engine, on a GPU where there is one and always on the host: the bits of the cpu engine."""

import sys
from typing import Any

import numpy as np
import pytest
import sensitive_models
from conditional_models import BOTH, FRAMES, SPEAKERS, Case, conditional
from cuda_stand_in import cannot, stand_in
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen.engine import cuda, native, open_engine
from wavegen.engine.cuda import CudaEngine
from wavegen.errors import UserError
from wavegen.models.given import Given

pytestmark = pytest.mark.skipif(native.missing() is not None, reason="the C++ engine is not installed")
KERNELS = ("throughput", "latency")
KINDS = {"speakers": SPEAKERS, "frames": FRAMES, "both": BOTH}


def results(case: Case, engine: Any, streams: int, steps: int = 25) -> list[bytes]:
    """What is fed and drawn, in pieces that end within frames."""
    case.condition(engine, streams)
    fed = engine.feed(sensitive_models.pcm(5, 13)[:streams])
    drawn = [engine.generate(count, range(streams), 0.8) for count in (steps, 1)]
    return [fed.tobytes(), *(array.tobytes() for part in drawn for array in part)]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("precision", cuda.PRECISIONS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("network", ["wavenet", "kernel-3"])
def test_the_bits_of_the_cpu_engine(gpu, network, kind, precision, kernel):
    case = conditional(network, KINDS[kind], 3)
    engine = CudaEngine(case.model, 3, precision, kernel)
    assert engine.kernel.startswith(kernel)
    expected = results(case, open_engine(case.model, 3, engine="cpu", threads=1, precision=precision), 3)
    assert results(case, engine, 3) == expected
    unconditioned = Case(case.model, [Given()] * 3)
    assert results(unconditioned, CudaEngine(case.model, 3, precision, kernel), 3) != expected


@pytest.mark.parametrize("precision", cuda.PRECISIONS)
@pytest.mark.parametrize("width", [64, 128])
def test_widths_whose_weights_are_kept_in_registers(gpu, width, precision):
    network = {"residual_channels": width, "gate_channels": 2 * width, "skip_channels": 10, "dilations": [1, 2, 3]}
    model = sensitive_models.conditioned({"name": "wavenet", **network}, BOTH)
    case = Case(model, [Given("ben", sensitive_models.frames(4, 5))])
    expected = results(case, open_engine(model, 1, engine="cpu", threads=1, precision=precision), 1, 10)
    assert results(case, CudaEngine(model, 1, precision, "latency"), 1, 10) == expected


@settings(deadline=None, max_examples=15)
@given(
    network=st.fixed_dictionaries(
        {
            "residual_channels": st.integers(1, 9),
            "gate_channels": st.integers(1, 20).map(lambda half: 2 * half),
            "skip_channels": st.integers(1, 20),
            "kernel_size": st.integers(2, 4),
            "front_kernel_size": st.integers(1, 4),
            "dilations": st.lists(st.integers(1, 9), min_size=1, max_size=5),
        }
    ),
    hop=st.integers(1, 20),
    streams=st.integers(1, 5),
    kernel=st.sampled_from(KERNELS),
    gpu=st.fixed_dictionaries(
        {
            "SHARED": st.sampled_from([3000, 8000, 232448]),
            "SMS": st.integers(2, 9),
            "MAJOR": st.sampled_from([8, 9]),
            "SEED": st.integers(0, 2**31),
        }
    ),
)
def test_any_architecture_on_any_gpu(network, hop, streams, kernel, gpu):
    if (why := cannot()) is not None:
        pytest.skip(why)
    model = sensitive_models.conditioned({"name": "wavenet", **network}, {**BOTH, "hop": hop})
    told = [
        Given("anna", sensitive_models.frames(7, 5)),
        Given(),
        Given("ben"),
        Given(None, np.ones((2, 5), np.float32)),
    ]
    case = Case(model, [*told, told[0]])
    expected = results(case, open_engine(model, streams, engine="cpu", threads=1), streams, 12)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "wavegen_cuda", stand_in())
        for key, value in gpu.items():
            patch.setenv(f"WAVEGEN_SHIM_{key}", str(value))
        assert results(case, CudaEngine(model, streams, kernel=kernel), streams, 12) == expected


@pytest.mark.parametrize("kernel", KERNELS)
def test_pieces_and_saved_states(gpu, monkeypatch, kernel):
    """Pieces of a call, so that its vectors fit; a state that the cpu engine goes on from, and back."""
    case, pcm = conditional("wavenet", BOTH), sensitive_models.pcm(2, 60)
    whole = open_engine(case.model, 2, engine="cpu")
    case.condition(whole, 2)
    expected = whole.feed(pcm)
    monkeypatch.setattr(cuda, "_VECTORS", 2 * 2 * 4 * 2 * 32)  # two frames of two streams
    engine = CudaEngine(case.model, 2, kernel=kernel)
    assert engine._piece == 11
    case.condition(engine, 2)
    assert engine.feed(pcm[:, :35]).tobytes() == expected[:, :35].tobytes()
    other = open_engine(case.model, 2, engine="cpu")
    other.restore(engine.save())
    assert other.feed(pcm[:, 35:50]).tobytes() == expected[:, 35:50].tobytes()
    back = engine.resized(3, [1])
    back.restore(other.resized(3, [1, 0]).save())
    found = back.feed(np.stack([pcm[1, 50:], pcm[0, 50:], pcm[0, 50:]]))
    assert found[:2].tobytes() == expected[::-1, 50:].tobytes()


def test_frames_that_have_not_come_and_conditions_that_are_not_taken(gpu):
    case = conditional("wavenet", FRAMES)
    engine = CudaEngine(case.model, 2)
    engine.condition(0, frames=case.frames(0))
    engine.condition(1, frames=case.frames(1)[:4], ended=False)
    with pytest.raises(UserError, match="stream 1: the next 23 samples need 5 frames, and 4 have come"):
        engine.generate(23, [1, 2])
    with pytest.raises(UserError, match="not conditioned on speakers"):
        CudaEngine(sensitive_models.wavenet(), 1).condition(0, "anna")


def test_without_the_cpp_engine_conditions_are_not_encoded(gpu, monkeypatch):
    monkeypatch.setattr(native, "missing", lambda: "it is missing")
    CudaEngine(sensitive_models.wavenet(), 1)
    with pytest.raises(UserError, match=r"engine cuda encodes conditions with the C\+\+ engine: it is missing"):
        CudaEngine(conditional("wavenet", SPEAKERS).model, 1)

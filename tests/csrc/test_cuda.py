"""The CUDA engine: on a GPU where there is one, and always its own sources on the host, with fibers for threads.

Both must give the bits of the cpu engine. The fibers run in a random order, on memory that is NaN until it is written.
"""

import sys
from typing import Any

import numpy as np
import pytest
import sensitive_models
import torch
from cuda_runs import KERNELS, WAVENETS, model_of, results
from cuda_stand_in import cannot, stand_in
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen.engine import cuda, native, open_engine, packing
from wavegen.engine.cuda import CudaEngine
from wavegen.models.forms import AudioForm

pytestmark = pytest.mark.skipif(native.missing() is not None, reason="the C++ engine is not installed")


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("precision", cuda.PRECISIONS)
@pytest.mark.parametrize("name", WAVENETS)
def test_the_bits_of_the_cpu_engine(gpu, name, precision, kernel):
    model = model_of(name)
    engine = CudaEngine(model, 3, precision, kernel)
    assert engine.kernel.startswith(kernel)
    expected = results(open_engine(model, 3, engine="cpu", threads=1, precision=precision), 3, temperature=0.8)
    assert results(engine, 3, temperature=0.8) == expected


@pytest.mark.parametrize("precision", cuda.PRECISIONS)
@pytest.mark.parametrize("width", [64, 128])
def test_widths_whose_weights_are_kept_in_registers(gpu, width, precision):
    """Those of the named configurations; several layers a block, one, and none that fits."""
    network = {"residual_channels": width, "gate_channels": 2 * width, "skip_channels": 10, "kernel_size": 2}
    parts = {
        "codec": {"name": "mu-law", "bits": 6},
        "distribution": {"name": "categorical"},
        "network": {"name": "wavenet", "dilations": [1, 2, 1, 3, 2], **network},
    }
    torch.manual_seed(5)
    model = sensitive_models.enlivened(sensitive_models.AudioModel.from_settings(parts, AudioForm(8000)).eval(), 3)
    expected = results(open_engine(model, 2, engine="cpu", threads=1, precision=precision), 2, 10)
    assert results(CudaEngine(model, 2, precision, "latency"), 2, 10) == expected


@pytest.mark.parametrize("precision", cuda.PRECISIONS)
@pytest.mark.parametrize(
    ("residual", "half", "skip"), [(20, 132, 10), (260, 5, 10), (10, 5, 300), (64, 64, 256), (128, 128, 300)]
)
def test_more_outputs_than_threads(gpu, residual, half, skip, precision):
    """Of gates, of a residual, of skip sums, and of these beside weights in registers: several for each thread."""
    widths = {"residual_channels": residual, "gate_channels": 2 * half, "skip_channels": skip}
    model = sensitive_models.wavenet({**widths, "dilations": [1, 2, 1]})
    engine = CudaEngine(model, 2, precision, "latency")
    if (residual, precision) != (128, "float32"):  # this one does not fit
        assert engine.kernel.startswith("latency")
    expected = results(open_engine(model, 2, engine="cpu", threads=1, precision=precision), 2, 10)
    assert results(engine, 2, 10) == expected


@pytest.mark.parametrize("name", WAVENETS)
def test_agrees_with_teacher_forcing_in_float64(gpu, name):
    model = model_of(name)
    pcm = sensitive_models.pcm(1, 40)
    for kernel in KERNELS:
        log2_prob = CudaEngine(model, 1, kernel=kernel).feed(pcm)
        sensitive_models.assert_agrees(log2_prob, sensitive_models.teacher_forced(model, pcm))
        assert log2_prob.std() > 0.5


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("name", ["odd", "one-gaussian"])
def test_exact_draws_are_told_from_others(gpu, name, kernel):
    """By the seeds of 4096 whose first random word makes the difference."""
    model = model_of(name)
    first = [open_engine(model, 4096, engine="cpu").generate(1, range(4096), exact=exact)[0] for exact in (False, True)]
    apart = np.flatnonzero(first[0] != first[1])[:4]
    assert len(apart) == 4
    for exact in (False, True):
        found, _ = CudaEngine(model, 4, kernel=kernel).generate(1, apart.tolist(), exact=exact)
        assert np.array_equal(found, first[exact][apart])


DISTRIBUTIONS = ["odd", "fine-categorical", "logistics", "gaussians", "one-gaussian", "logistics-mu-law"]


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_the_integers_that_words_are_looked_up_in(gpu, name, exact):
    """At both ends of symbols' shares of 2³⁰, where the last count decides, the cpu engine's answer."""
    model = model_of(name)
    rng = np.random.default_rng(5)
    distribution: Any = packing.distribution_of(model.data())
    weights = cuda.extension().weights(**packing.cuda_arguments(model.data()), bfloat16=False)
    nucleus = 0.6 if distribution.num_params <= 256 else 0.03  # a fiber takes its time over thousands of symbols
    for temperature, top_p, location in [(1.0, 1.0, 0.0), (0.7, 1.0, 3000.25), (1.7, nucleus, -40.0)]:
        how = (temperature, top_p if model.distribution.takes_top_p else 1.0)
        params = rng.normal(size=distribution.num_params).astype(np.float32) * 2
        table = distribution.table(params, location, *how, "portable", exact).astype(np.int64)
        assert table[-1] == (2**30 if exact else 2**30 - 2**16)
        likely = np.argsort(np.diff(table))[-20:]  # the first of the largest has what is left of the total
        some = np.unique([*likely, *rng.choice(np.flatnonzero(np.diff(table)), 20)])
        u = np.concatenate([table[some], table[some + 1] - 1, rng.integers(0, table[-1], 20)]).astype(np.uint32)
        symbols, log2_prob = cuda.extension().look_up(weights, params, location, *how, u, exact)
        assert np.array_equal(symbols, distribution.find(params, location, *how, u, "portable", exact))
        assert log2_prob.tobytes() == distribution.log2_prob(params, location, "portable")[symbols].tobytes()


MIXTURES = {
    "mixture-of-logistics": {"num_mixtures": 3},
    "mixture-of-gaussians": {"num_mixtures": 2},
    "categorical": {},
}
ARCHITECTURES = st.fixed_dictionaries(
    {
        "residual_channels": st.integers(1, 9),
        "gate_channels": st.integers(1, 9).map(lambda half: 2 * half),
        "skip_channels": st.integers(1, 40),
        "kernel_size": st.integers(2, 4),
        "front_kernel_size": st.integers(1, 4),
        "dilations": st.lists(st.integers(1, 9), min_size=1, max_size=5),
    }
)


@settings(deadline=None, max_examples=25)
@given(
    network=ARCHITECTURES,
    distribution=st.sampled_from(sorted(MIXTURES)),
    codec=st.sampled_from([("mu-law", 8), ("linear", 8), ("linear", 10)]),
    taps=st.integers(0, 40),
    streams=st.integers(1, 5),
    kernel=st.sampled_from(KERNELS),
    gpu=st.fixed_dictionaries(
        {
            "SHARED": st.sampled_from([3000, 8000, 232448]),
            "SMS": st.integers(2, 9),
            "MAJOR": st.sampled_from([8, 9]),
            "CLUSTER": st.integers(1, 16),
            "SEED": st.integers(0, 2**31),
        }
    ),
)
def test_any_architecture_on_any_gpu(network, distribution, codec, taps, streams, kernel, gpu):
    """Many blocks or few, in clusters or not, the head on chip or not; streams of one group or several."""
    if (why := cannot()) is not None:
        pytest.skip(why)
    parts = {
        "codec": {"name": codec[0], "bits": codec[1]},
        "distribution": {"name": distribution, **MIXTURES[distribution]},
        "network": {"name": "wavenet", **network},
    }
    if taps and distribution != "categorical":
        parts["predictor"] = {"name": "linear", "taps": taps}
    torch.manual_seed(2)
    model = sensitive_models.enlivened(sensitive_models.AudioModel.from_settings(parts, AudioForm(8000)).eval(), 3)
    expected = results(open_engine(model, streams, engine="cpu", threads=1), streams, 12)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "wavegen_cuda", stand_in())
        for key, value in gpu.items():
            patch.setenv(f"WAVEGEN_SHIM_{key}", str(value))
        assert results(CudaEngine(model, streams, kernel=kernel), streams, 12) == expected


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_nucleus_is_the_cpu_engines(gpu, kernel):
    model = model_of("categorical")
    for temperature, top_p in ((1.0, 0.7), (1.3, 0.9), (1.0, 1e-9)):
        expected = open_engine(model, 1, engine="cpu").generate(6, [3], temperature, top_p)
        found = CudaEngine(model, 1, kernel=kernel).generate(6, [3], temperature, top_p)
        assert [array.tobytes() for array in found] == [array.tobytes() for array in expected]


@pytest.mark.parametrize("name", ["odd", "fine-categorical", "logistics"])
def test_what_does_not_fit_on_chip_runs_from_memory_and_says_so(stand_in_gpu, caplog, name):
    model = model_of(name)
    expected = results(open_engine(model, 2, engine="cpu"), 2, 8)
    stand_in_gpu(SHARED=2000)  # not one layer, nor what a block of the other kernel works with
    cuda._say_once.cache_clear()
    engine = CudaEngine(model, 2)
    assert engine.kernel == "throughput"
    (line,) = caplog.messages
    assert "cannot hold the layers on its chip" in line
    assert results(engine, 2, 8) == expected
    CudaEngine(model, 2, kernel="throughput")
    assert len(caplog.messages) == 1


@pytest.mark.parametrize(
    ("device", "streams", "kernel"),
    [
        ({}, 1, "latency-cluster"),
        ({}, 8, "latency-cluster"),
        ({}, 9, "throughput"),
        ({"MAJOR": 8}, 1, "latency-grid"),
        ({"CLUSTER": 1}, 1, "latency-grid"),
        ({"MAJOR": 8, "SMS": 1}, 1, "throughput"),
    ],
)
def test_which_kernel_runs(stand_in_gpu, device, streams, kernel):
    stand_in_gpu(**device)
    assert CudaEngine(model_of("odd"), streams).kernel == kernel

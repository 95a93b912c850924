"""What a model is as data: the very bits that torch computes, and the engines are handed."""

import hashlib
import math
from typing import Any

import numpy as np
import pytest
import sensitive_models
import small_models
import torch

from wavegen.engine import native, packing
from wavegen.engine.torch import TorchEngine
from wavegen.models.codecs import Linear, MuLaw
from wavegen.models.configs.distributions import MixtureOfLogisticsConfig
from wavegen.models.inputs import amplitudes, companded

EVERY_CODE = torch.arange(-32768, 32768)
FUSED = torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")  # torch's own bits differ from CPU to CPU
by_torch_here = pytest.mark.skipif(not FUSED, reason="torch computes otherwise without fused multiply-adds")


def by_torch(codes):
    """2 sign(x) ln(1 + 255 |x|) / ln 256, as models were trained with."""
    codes = codes.float()
    return 2 * codes.sign() * torch.log1p(255 * codes.abs() / 32768) / math.log(256)


def same_bits(a, b):
    a, b = np.asarray(a), np.asarray(b)
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def test_the_table_of_all_codes_is_frozen():
    digest = hashlib.sha256(companded().astype("<f4").tobytes()).hexdigest()
    assert digest == "aea5994354c951010f85991a5e0eed4921148e19c8fffbf56d9ae4321733e106"
    exact = by_torch(EVERY_CODE.double()).numpy()
    assert np.abs(companded() - exact).max() < 1e-6


@by_torch_here
def test_the_table_of_all_codes_is_torch_s():
    assert same_bits(companded(), by_torch(EVERY_CODE))


@by_torch_here
@pytest.mark.parametrize("codec", [MuLaw(bits=10), MuLaw(bits=12), Linear(bits=10), Linear(bits=16)])
def test_amplitudes_are_torch_s(codec):
    middle = torch.from_numpy(codec.decode(np.arange(codec.num_symbols)))
    assert same_bits(amplitudes(codec), torch.stack([middle.float() / 4096, by_torch(middle)], dim=1))


def test_offsets_of_scales_are_frozen():
    offsets = np.concatenate([MixtureOfLogisticsConfig(256, num_mixtures=k).log_scale_offsets for k in range(1, 65)])
    assert offsets.dtype == np.float32
    digest = hashlib.sha256(offsets.astype("<f4").tobytes()).hexdigest()
    assert digest[:16] == "03475a2fd097d6f5"


@by_torch_here
@pytest.mark.parametrize("num_mixtures", range(1, 65))
def test_offsets_of_scales_are_torch_s(num_mixtures):
    offsets = torch.linspace(math.log(2.0), math.log(2000.0), num_mixtures + 2)[1:-1]
    assert same_bits(MixtureOfLogisticsConfig(256, num_mixtures=num_mixtures).log_scale_offsets, offsets)


MODELS = ["categorical", "logistics", "gaussians", "gru", "lstm", "markov", "logistics-mu-law", "fine-categorical"]


@pytest.mark.parametrize("name", MODELS)
def test_what_the_engine_is_handed_is_what_the_torch_module_uses(name):
    model = sensitive_models.combined(name)
    data = model.data()
    arrays = packing.inputs(data)
    assert same_bits(arrays["input_table"], model.input_table().detach())
    assert same_bits(arrays["code_of_symbol"], model.decode(torch.arange(model.codec.num_symbols)).int())
    if model.predictor is None:
        assert arrays["error_table"].size == arrays["predictor_weights"].size == 0
    else:
        assert same_bits(arrays["error_table"], model.errors[:, 0])
        assert same_bits(arrays["predictor_weights"], model.predictor.weights.detach())
    distribution: Any = model.distribution
    if distribution.takes_location:
        assert same_bits(data.distribution.log_scale_offsets, distribution.log_scale_offsets)
    state = {name: weight.numpy() for name, weight in model.state_dict().items()}
    assert data.arrays.keys() == state.keys()
    assert all(same_bits(data.arrays[name], state[name]) for name in state)
    assert data.num_parameters == model.num_parameters
    assert data.num_bytes == model.num_bytes
    assert data.describe() == model.describe()


@pytest.mark.parametrize("name", small_models.NAMES)
@pytest.mark.parametrize("taps", [0, 3])
def test_there_and_back_is_the_same_model(name, taps):
    distribution = "mixture-of-logistics" if taps else "categorical"
    model = small_models.model(name, None, distribution, taps).float()
    again = model.data().module()
    pcm = torch.randint(-32768, 32768, (2, 40))
    assert torch.equal(again.log2_prob(pcm)[0], model.log2_prob(pcm)[0])
    assert not again.training


def test_the_torch_engine_takes_data():
    model = small_models.mu_law_model(name="gru", hidden_size=4)
    pcm = np.arange(-300, 300, 5, dtype=np.int16)[None]
    assert np.array_equal(TorchEngine(model.data(), 1).feed(pcm), TorchEngine(model, 1).feed(pcm))


@pytest.mark.skipif(native.missing() is not None, reason="the C++ engine is not installed")
@pytest.mark.parametrize("name", ["categorical", "logistics"])
def test_both_open_the_same_engine(name):
    model = sensitive_models.combined(name)
    pcm = np.arange(-3000, 3000, 50, dtype=np.int16)[None]
    assert np.array_equal(native.NativeEngine(model.data(), 1).feed(pcm), native.NativeEngine(model, 1).feed(pcm))

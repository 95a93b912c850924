"""The library's functions take a model as data and as a torch module, and say the same of both."""

import numpy as np
import pytest
import small_models

import wavegen
from wavegen.engine import native
from wavegen.models import checkpoint

pytestmark = pytest.mark.skipif(native.missing() is not None, reason="the C++ engine is not installed")
MODELS = {
    "allison": None,
    "wavenet": lambda: small_models.mu_law_model(name="wavenet", residual_channels=3, dilations=[1, 2]),
    "mixture": lambda: small_models.mixture_model(taps=4),
}


@pytest.fixture(params=MODELS)
def both(request, tmp_path):
    """A model file as data and as a torch module."""
    path = request.param
    if (make := MODELS[request.param]) is not None:
        checkpoint.save(make(), path := tmp_path / "model.safetensors", {"temperature": 0.9})
    return wavegen.open_model(path), wavegen.load(path)


def without_time(result):
    return {key: value for key, value in result.items() if key != "seconds"}


def test_all_functions_say_the_same_of_both(both, tmp_path):
    found = []
    wav, wgn, back = (tmp_path / f"x{suffix}" for suffix in (".wav", ".wgn", "-back.wav"))
    for model in both:
        draws = wavegen.generate(model, 800, seeds=[5, 6], engine="cpu")
        wavegen.generate(model, 800, seeds=[5], engine="cpu").write(wav, force=True)
        scored = without_time(wavegen.score(model, wav, engine="cpu"))
        packed = without_time(wavegen.compress(model, [(wav, wgn)], force=True))
        wavegen.decompress(model, [(wgn, back)], force=True)
        assert back.read_bytes() == wav.read_bytes()
        arrays = [array for draw in draws.draws for array in (draw.pcm, draw.log2_prob)]
        found.append(((draws.engine, draws.sample_rate), np.concatenate(arrays), scored, packed, wgn.read_bytes()))
    a, b = found
    assert np.array_equal(a[1], b[1])
    assert (a[0], *a[2:]) == (b[0], *b[2:])


def test_a_file_compressed_with_one_is_restored_with_the_other(both, tmp_path):
    data, module = both
    wav, wgn, back = (tmp_path / f"x{suffix}" for suffix in (".wav", ".wgn", "-back.wav"))
    wavegen.generate(data, 700, engine="cpu").write(wav)
    wavegen.compress(module, [(wav, wgn)])
    wavegen.decompress(data, [(wgn, back)])
    assert back.read_bytes() == wav.read_bytes()


def test_the_torch_engine_says_the_same_of_both(both):
    few = [wavegen.generate(model, 20, engine="torch").draws[0] for model in both]
    assert np.array_equal(few[0].pcm, few[1].pcm)
    assert np.array_equal(few[0].log2_prob, few[1].log2_prob)

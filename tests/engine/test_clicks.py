"""Draws for listening or looking take nothing from the uniform share: no clicks in silence, no salt and pepper."""

from typing import Any

import numpy as np
import pytest
import small_models
import small_picture_models
import torch

from wavegen.assets import pretrained
from wavegen.engine import native
from wavegen.models import checkpoint
from wavegen.models.audio import AudioModel
from wavegen.models.forms import AudioForm, PictureForm
from wavegen.sampling.audio import generate
from wavegen.sampling.pictures import generate_pictures

needs_the_extension = pytest.mark.skipif(native.missing() is not None, reason="the C++ engine is not installed")
QUIET = 16  # samples before a jump that are as loud at most, in codes
JUMP = 4000


def jumps_out_of_silence(draws) -> int:
    """How many samples are more than JUMP from the one before, after QUIET samples of near silence."""
    pcm = np.stack([draw.pcm for draw in draws.draws]).astype(int)
    loudest = np.lib.stride_tricks.sliding_window_view(np.abs(pcm), QUIET, axis=1).max(axis=2)[:, :-1]
    jumps = np.abs(np.diff(pcm, axis=1))[:, QUIET - 1 :] > JUMP
    return int((jumps & (loudest <= QUIET)).sum())


@pytest.fixture(scope="module")
def allison():
    path = pretrained.find("allison")
    assert path is not None
    return checkpoint.load(path)


@needs_the_extension
@pytest.mark.parametrize("temperature", [1.0, 0.9, 0.5])
def test_a_minute_of_speech_has_no_jump_out_of_silence(allison, temperature):
    """Sixty recordings of a second, which begin in silence. Of exact draws some nine to twenty would jump."""
    assert jumps_out_of_silence(generate(allison, 8000, seeds=range(60), temperature=temperature, threads=1)) == 0


@needs_the_extension
def test_exact_draws_click(allison):
    """So the test above finds them where they are, and what --exact draws from is what it says."""
    assert jumps_out_of_silence(generate(allison, 4000, seeds=range(60), temperature=0.5, threads=1, exact=True)) >= 4


@needs_the_extension
@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_a_primed_recording_of_rounded_weights_has_none(allison, precision):
    prime = np.zeros(400, np.int16)
    draws = generate(allison, 2000, seeds=range(60), temperature=0.5, prime=prime, threads=1, precision=precision)
    assert jumps_out_of_silence(draws) == 0


def silent(network: str, codec: str, bits: int, distribution: str) -> AudioModel:
    """A model that is certain of silence, whatever came before."""
    parts = {
        "codec": {"name": codec, "bits": bits},
        "distribution": {"name": distribution},
        "network": {"name": network, **small_models.SETTINGS[network]},
    }
    torch.manual_seed(2)
    model = AudioModel.from_settings(parts, AudioForm(8000)).eval()
    make_certain(model, model.codec.silence)
    return model


def make_certain(model: Any, symbol: int) -> None:
    """A categorical's `symbol`, or what lies at the location of a mixture."""
    with torch.no_grad():
        last = [w for name, w in model.network.named_parameters() if name.startswith(("output", "layers.1"))]
        for weight in last:
            weight.zero_()
        if model.distribution.name == "categorical":
            last[-1][..., symbol] = 40
        else:
            last[-1][..., -model.distribution.num_mixtures :] = -20  # logarithms of scales


SILENT = [
    ("gru", "mu-law", 8, "categorical", "cpu"),
    ("lstm", "linear", 16, "mixture-of-gaussians", "cpu"),
    ("wavenet", "mu-law", 10, "mixture-of-logistics", "cpu"),
    ("markov", "linear", 8, "categorical", "cpu"),
    ("gru", "linear", 16, "mixture-of-logistics", "torch"),
    ("nade", "mu-law", 8, "categorical", "torch"),
]


@pytest.mark.parametrize(("network", "codec", "bits", "distribution", "engine"), SILENT)
def test_a_model_that_is_certain_of_silence_is_silent(network, codec, bits, distribution, engine):
    if engine == "cpu" and native.missing() is not None:
        pytest.skip("the C++ engine is not installed")
    model = silent(network, codec, bits, distribution)
    if engine == "cpu":
        streams, samples, temperatures = 64, 4096, (1.0, 0.5)
    else:
        streams, samples, temperatures = 2048, 24, (0.9,)
    quiet = int(model.codes_per_symbol[model.codec.silence])
    how = {"engine": engine, "threads": 1, "prime": np.zeros(3, np.int16)}
    for temperature in temperatures:
        draws = generate(model, samples, seeds=range(streams), temperature=temperature, **how).draws
        assert max(int(np.abs(draw.pcm).max()) for draw in draws) <= quiet
    draws = generate(model, samples, seeds=range(streams), exact=True, **how).draws
    assert sum(int((np.abs(draw.pcm) > JUMP).sum()) for draw in draws) >= (8 if engine == "cpu" else 1)


@pytest.mark.parametrize(("levels", "distribution"), [(2, "categorical"), (256, "mixture-of-logistics")])
def test_pictures_have_no_salt_or_pepper(levels, distribution):
    """Of a model that is certain of each pixel; half of two levels' share is right by chance."""
    model = small_picture_models.model("nade", PictureForm(8, 8, 1, levels), distribution)
    make_certain(model, 1)
    every: list[dict[str, Any]] = [{}, {"temperature": 0.5}, {"prime": np.ones((1, 8, 8, 1), np.int16), "rows": 4}]
    for how in every:
        pictures = generate_pictures(model, seeds=range(2000), **how).pictures
        assert np.unique(pictures[:, how.get("rows", 0) :]).tolist() == [1 if levels == 2 else levels // 2]
    salt = generate_pictures(model, seeds=range(2000), exact=True)
    wrong = salt.pictures != (1 if levels == 2 else levels // 2)
    assert 1 <= wrong.sum() <= 30

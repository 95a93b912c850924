import json
import math

import numpy as np
import pytest
import small_models
import small_picture_models
import torch

from wavegen.audio import files as audio_files
from wavegen.cli.main import main
from wavegen.errors import UserError
from wavegen.evaluation.features import LabelledTake, features
from wavegen.evaluation.feeding import Take
from wavegen.models import checkpoint
from wavegen.models.forms import PictureForm


def labelled(pcm: np.ndarray, **about: str) -> LabelledTake:
    return LabelledTake(Take("a", len(pcm), lambda: pcm), **about)


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-32768, 32768, samples).astype(np.int16)


@pytest.mark.parametrize("name", small_models.NAMES)
def test_parameters_are_made_of_features(name):
    """Where two histories have the same features they have the same parameters: the last layers see nothing else."""
    network = small_models.network(name)
    inputs = torch.randn(2, 17, network.input_channels, dtype=torch.float64)
    hidden, state = network.features(inputs)
    params, other = network(inputs)
    assert hidden.shape[:2] == params.shape[:2]
    torch.testing.assert_close(state, other)
    if name.startswith("wavenet"):
        torch.testing.assert_close(network.output(torch.relu(network.head(torch.relu(hidden)))), params)
    elif name in ("gru", "lstm"):
        torch.testing.assert_close(network.output(torch.relu(network.head(hidden))), params)
    elif name == "markov":
        torch.testing.assert_close(network.layers[-1](torch.relu(hidden)), params)
    elif name == "nade":
        steps = torch.arange(17) % network.frame_size
        made = torch.einsum("bth,thq->btq", hidden, network.output[steps]) + network.output_bias[steps]
        torch.testing.assert_close(made, params)
    else:
        assert hidden.shape[2] == (network.hidden_size if name == "nade-context" else network.num_params)


@pytest.mark.parametrize("name", ["wavenet", "gru", "nade-context"])
@pytest.mark.parametrize("window", [None, 7, 1000])
def test_rows_are_means_over_windows_however_long_the_recordings_are(name, window):
    model = small_models.model(name)
    recordings = [noise(samples, samples) for samples in (50, 3, 24, 25, 1)]
    arrays = features(model, [labelled(pcm) for pcm in recordings], window_samples=window)
    expected, starts = [], []
    for pcm in recordings:
        whole = model.features(torch.from_numpy(pcm)[None])[0][0].detach().numpy()
        length = window or len(pcm)
        for start in range(0, len(pcm), length):
            part = whole[start : start + length]
            if 2 * len(part) >= length or start == 0:
                expected.append(part.mean(axis=0))
                starts.append(start)
    assert arrays["features"].dtype == np.float32
    np.testing.assert_allclose(arrays["features"], np.stack(expected), rtol=1e-5, atol=1e-6)
    assert arrays["start"].tolist() == starts


def test_activations_that_are_not_finite_are_refused():
    model = small_models.model("markov")
    with torch.no_grad():
        next(model.network.parameters()).fill_(float("inf"))
    with pytest.raises(UserError, match="not finite"):
        features(model, [labelled(noise(9))])


def test_rows_say_what_a_corpus_knows():
    model = small_models.model("gru")
    arrays = features(
        model,
        [labelled(noise(10), split="test", speaker="Ann", transcript="yes"), labelled(noise(4))],
        window_samples=5,
    )
    assert arrays["split"].tolist() == ["test", "test", ""]
    assert arrays["speaker"].tolist() == ["Ann", "Ann", ""]
    assert arrays["transcript"].tolist() == ["yes", "yes", ""]
    assert arrays["name"].tolist() == ["a", "a", "a"]


@pytest.mark.parametrize("name", small_picture_models.NAMES)
def test_pictures_have_a_row_each(name):
    model = small_picture_models.model(name, PictureForm(4, 3, 1, 2))
    pictures = np.random.default_rng(1).integers(0, 2, (5, 12)).astype(np.int16)
    arrays = features(model, [labelled(picture) for picture in pictures])
    single = [features(model, [labelled(picture)])["features"][0] for picture in pictures]
    np.testing.assert_allclose(arrays["features"], np.stack(single), rtol=1e-5, atol=1e-7)
    assert len(np.unique(arrays["features"].round(5), axis=0)) == len(np.unique(pictures[:, :-1], axis=0))


def test_the_last_hidden_units_of_nade_have_seen_all_but_the_last_pixel():
    model = small_picture_models.model("nade", PictureForm(2, 3, 1, 2))
    picture = torch.zeros(1, 2, 3, 1, dtype=torch.float64, requires_grad=True)
    model.network.features(picture).sum().backward()
    assert picture.grad is not None
    assert (picture.grad.flatten() != 0).tolist() == [True] * 5 + [False]


def test_the_command_writes_what_it_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    checkpoint.save(small_models.mu_law_model(name="gru", hidden_size=6), "m.safetensors", {})
    (tmp_path / "speech").mkdir()
    for number, samples in enumerate((900, 8000)):
        audio_files.write(f"speech/{number}.wav", noise(samples), 8000)
    assert main(["features", "m.safetensors", "speech", "out.npz", "--window", "0.25", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    with np.load("out.npz", allow_pickle=False) as arrays:
        assert arrays["features"].shape == (told["rows"], told["channels"]) == (1 + 4, 6)
        assert arrays["name"].tolist() == ["speech/0.wav"] + ["speech/1.wav"] * 4
        assert arrays["start"].tolist() == [0, 0, 2000, 4000, 6000]
        assert all(math.isfinite(value) for value in arrays["features"].ravel())
    for arguments, words in (
        (["speech", "out.txt"], "out.txt: what is written is npz; name it out.npz"),
        (["speech", "nowhere/out.npz"], "nowhere/out.npz: there is no folder nowhere; make it first"),
        (["missing.wav", "out2.npz"], "missing.wav: "),
    ):
        assert main(["features", "m.safetensors", *arguments]) == 2
        assert words in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.safetensors", "out.npz", "speech"]

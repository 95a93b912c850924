import json
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import small_models
import small_picture_models
import torch
from safetensors.torch import save_file

from wavegen.errors import UserError
from wavegen.modelfile import open_model, weights_hash
from wavegen.models import checkpoint
from wavegen.models.forms import PictureForm


@pytest.fixture
def saved(tmp_path):
    model = small_models.mu_law_model(
        name="wavenet", residual_channels=4, gate_channels=6, skip_channels=5, dilations=(1, 2)
    )
    path = tmp_path / "model.safetensors"
    checkpoint.save(model, path, {"seed": 3})
    return model, path


def rewrite_header(path, change):
    """Changes the wavegen header of a model file and leaves its weights alone."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    wavegen = json.loads(header["__metadata__"]["wavegen"])
    change(wavegen)
    header["__metadata__"]["wavegen"] = json.dumps(wavegen)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])


def refused(path):
    """What both readers say of a file, word for word the same: the one of data and the one of torch modules."""
    said = []
    for read in (open_model, checkpoint.load):
        with pytest.raises(UserError) as error:
            read(path)
        said.append(str(error.value))
    assert said[0] == said[1]
    return said[0]


def test_data_and_module_are_the_same_model(saved):
    model, path = saved
    data = open_model(path)
    assert data.describe() == model.describe()
    assert data.metadata == model.metadata
    assert data.settings == model.settings
    assert data.receptive_field == model.receptive_field
    assert data.num_params == model.num_params
    assert open_model(path.parent).describe() == data.describe()
    state = {name: weight.numpy() for name, weight in model.state_dict().items()}
    assert data.arrays.keys() == state.keys()
    assert all(np.array_equal(data.arrays[name], state[name]) for name in state)
    assert weights_hash(data.arrays) == checkpoint.weights_hash(model.state_dict()) == data.metadata["weights_hash"]


def test_a_model_of_pictures_is_not_opened_as_data(tmp_path):
    model = small_picture_models.model(small_picture_models.NAMES[0], PictureForm(4, 4, 1, 2))
    checkpoint.save(model, tmp_path / "m.safetensors", {})
    said = refused(tmp_path / "m.safetensors")
    assert said == f"{tmp_path / 'm.safetensors'}: is a model of pictures; this takes models of audio"


def test_a_model_comes_back_as_it_was(saved):
    model, path = saved
    again = checkpoint.load(path)
    pcm = torch.randint(-32768, 32768, (2, 50))
    assert torch.equal(again.log2_prob(pcm)[0], model.log2_prob(pcm)[0])
    assert again.describe() == model.describe()
    assert again.metadata["seed"] == 3
    assert not again.training


def test_a_run_folder_names_its_model(saved):
    _, path = saved
    assert checkpoint.load(path.parent).metadata["seed"] == 3


def test_every_damaged_byte_of_the_weights_is_noticed(saved):
    _, path = saved
    data = bytearray(path.read_bytes())
    for index in range(len(data) - 1, len(data) - 400, -37):
        damaged = bytearray(data)
        damaged[index] ^= 0x10
        path.write_bytes(damaged)
        refused(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda header: header.update(format=99), "format 99"),
        (lambda header: header.update(numerics=99), "numerics 99"),
        (lambda header: header.update(sample_rate="fast"), "header is damaged"),
        (lambda header: header.update(sample_rate=True), "header is damaged"),
        (lambda header: header.update(sample_rate=10**12), "header is damaged"),
        (lambda header: header.update(metadata=None), "header is damaged"),
        (lambda header: header["metadata"].update(temperature="abc"), "header is damaged"),
        (lambda header: header["metadata"].update(temperature=None), "header is damaged"),
        (lambda header: header["metadata"].update(corpus_fingerprint=5), "header is damaged"),
        (lambda header: header["metadata"].update(training_seconds="x"), "header is damaged"),
        (lambda header: header["metadata"].update(note=[[None]]), "header is damaged"),
        (lambda header: header["metadata"].update(note=float("nan")), "header is damaged"),
        (lambda header: header["network"].update(name="wavnet"), "did you mean wavenet?"),
        (lambda header: header["network"].update(residual_channels=4096), "do not belong together"),
        (lambda header: header["network"].update(residual_channels=10**12), "residual_channels"),
        (lambda header: header["network"].update(residual_channels=True), "should be a valid integer"),
        (lambda header: header["network"].update(dilations=[]), "dilations"),
        (lambda header: header["network"].update(sise=3), "sise is not a setting"),
        (lambda header: header["codec"].update(name="linear", bits=16), "at most 4096 symbols"),
        (lambda header: header.update(predictor={"name": "linear"}), "predictor shifts"),
        (lambda header: header.update(conditioning={"name": "encoder", "f0": True}), "do not belong together"),
        (lambda header: header.update(conditioning={"name": "encoder"}), "neither speakers nor mel nor f0"),
        (lambda header: header.update(conditioning={"name": "encoder", "mel": "hifigna"}), "did you mean hifigan?"),
        (lambda header: header.update(conditioning={"name": "encoder", "speakers": ["a", "a"]}), "has 'a' twice"),
        (lambda header: header.update(conditioning={"name": "encoder", "speakers": "ab"}), "conditioning.speakers"),
        (lambda header: header.update(conditioning={"speakers": ["a"]}), "conditioning.name is missing"),
        (lambda header: header.update(density={"name": "sounds"}), "density.name = 'sounds' is unknown"),
        (lambda header: header.update(density=3), "density must be a table"),
        (lambda header: header.update(grid={"height": 2, "width": 2, "channels": 1, "levels": 2}), "holds pictures"),
        (lambda header: header.pop("codec"), "codec.name is missing"),
        (lambda header: header.clear(), "header is damaged"),
    ],
)
def test_a_wrong_header_gets_one_line(saved, change, words):
    _, path = saved
    rewrite_header(path, change)
    said = refused(path)
    assert str(path) in said
    assert words in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a readable safetensors file"),
        (b"\1" * 100, "not a readable safetensors file"),
        (b"RIFF" * 100, "is text, not a model; give a"),
    ],
)
def test_a_file_that_is_no_model_gets_one_line(tmp_path, content, words):
    path = tmp_path / "other.safetensors"
    path.write_bytes(content)
    assert words in refused(path)


def test_a_truncated_model_gets_one_line(saved):
    _, path = saved
    path.write_bytes(path.read_bytes()[:-5])
    assert "damaged or cut short" in refused(path)


def test_a_foreign_safetensors_file_gets_one_line(tmp_path):
    path = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(3)}, path)
    assert "no wavegen header" in refused(path)


def test_a_header_of_endless_brackets_gets_one_line(tmp_path):
    path = tmp_path / "deep.safetensors"
    save_file({"weight": torch.zeros(3)}, path, metadata={"wavegen": "[" * 100_000})
    assert "no wavegen header" in refused(path)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.int32, torch.complex64])
def test_weights_of_another_type_are_refused(saved, dtype):
    _, path = saved
    tensors, header = checkpoint.read_tensors(path)
    tensors["network.head.bias"] = tensors["network.head.bias"].to(dtype)
    checkpoint.write_tensors(path, tensors, header)
    assert "do not belong together" in refused(path)


def test_what_a_file_says_of_its_making_does_not_hide_what_the_model_is(saved):
    model, path = saved
    rewrite_header(path, lambda header: header["metadata"].update(parameters=1, sample_rate=1))
    assert checkpoint.load(path).describe() == model.describe()


def test_weights_that_are_not_finite_are_refused(saved):
    model, path = saved
    with torch.no_grad():
        model.network.head.bias[0] = float("nan")
    checkpoint.save(model, path, {})
    assert "not finite" in refused(path)


def test_a_missing_model_is_named(tmp_path):
    said = refused(tmp_path / "nothing")
    assert "nothing: no such file; give a .safetensors file, a run folder or a model of wavegen: allison" in said


def test_a_missing_model_with_another_beside_it(saved, tmp_path, monkeypatch):
    _, path = saved
    monkeypatch.chdir(tmp_path)
    assert "alison: no such file; did you mean allison?" in refused(Path("alison"))
    for run in ("gru.2", "gru.2/model.safetensors"):
        assert "no such file" in refused(Path(run)), run
    Path("gru.2").mkdir()
    shutil.copy(path, "gru.2/model.safetensors")
    shutil.copy(path, "wavenet.safetensors")
    shutil.copy(path, "gru.2/last.safetensors")
    for name, meant in {
        "gru.3": "gru.2", "wavnet": "wavenet.safetensors", "wavnet.safetensors": "wavenet.safetensors",
        "gru.2/modle.safetensors": "gru.2/model.safetensors",
    }.items():  # fmt: skip
        assert refused(Path(name)) == f"{name}: no such file; did you mean {meant}?"

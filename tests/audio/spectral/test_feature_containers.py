"""Containers of features that are damaged, or hold other arrays or several: each gets its one line."""

import pickle
import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from feature_files import HIFIGAN, WAVEGAN, mel, refused, saved
from mel_definitions import Sizes

from wavegen.audio.spectral.files import read_frames, write_frames
from wavegen.audio.spectral.frames import frames
from wavegen.audio.spectral.settings import FrameSettings
from wavegen.audio.spectral.statistics import read_statistics
from wavegen.errors import UserError
from wavegen.system import optional


@pytest.mark.parametrize("kind", ["sparse", "quantized", "list", "nested"])
def test_tensors_of_other_kinds(voice, tmp_path, kind):
    tensor = torch.from_numpy(mel(voice, "hifigan"))
    if kind == "quantized":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that torch is to lose them
            tensor = torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8)
    made = {
        "sparse": tensor.to_sparse() if kind == "sparse" else None,
        "list": [tensor],
        "nested": {"a": {"mel": tensor}},
    }
    torch.save(made.get(kind, tensor), tmp_path / "a.pt")
    said = {
        "list": "holds no tensor or dict of tensors, but list; save the tensor alone",
        "nested": "holds no tensor or dict of tensors, but dict; save the tensor alone",
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert refused(tmp_path / "a.pt") == said.get(kind, "holds a sparse or quantized tensor; save a plain one")


def test_hdf5_in_a_group(voice, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["some/feats"] = mel(voice, "hifigan")
        file["some/wave"] = voice
    np.testing.assert_allclose(read_frames(tmp_path / "a.h5", HIFIGAN).values, frames(voice, HIFIGAN), atol=1e-4)


def test_a_file_that_contradicts_the_user(voice, tmp_path):
    write_frames(tmp_path / "a.npz", frames(voice, WAVEGAN, in_file=True), WAVEGAN)
    found = read_frames(tmp_path / "a.npz", WAVEGAN, "espnet")
    assert found.warnings == []
    sizes = Sizes(8000, 128, 1024, 1024, 80, 80, 4000)
    taco = FrameSettings("tacotron2", *sizes)
    assert (
        f"{tmp_path / 'a.npz'}: says itself that it is parallel-wavegan; it is read as tacotron2"
        in read_frames(tmp_path / "a.npz", taco, "tacotron2").warnings
    )


def test_empty(tmp_path):
    (tmp_path / "a.npy").touch()
    assert refused(tmp_path / "a.npy") == "is empty; make it again"
    assert refused(saved(tmp_path / "b.npy", np.zeros((80, 0), np.float32))) == "holds no frames; make it again"
    assert refused(tmp_path / "none.npy") == "cannot be read: No such file or directory"


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".h5", ".pt"])
def test_truncated(voice, tmp_path, suffix):
    path, array = tmp_path / f"a{suffix}", mel(voice, "hifigan")
    if suffix == ".npy":
        np.save(path, array)
    elif suffix == ".npz":
        np.savez(path, mel=array)
    elif suffix == ".pt":
        torch.save(torch.from_numpy(array), path)
    else:
        with h5py.File(path, "w") as file:
            file["feats"] = array
    whole = path.read_bytes()
    for size in (1, 7, 50, 200, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:size])
        assert refused(path) == "truncated, damaged, or another kind of file; copy it again"
    path.write_bytes(b"\0" * 3000)
    assert refused(path) == "truncated, damaged, or another kind of file; copy it again"


def test_code_is_not_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "run",))

    torch.save({"mel": Trap()}, tmp_path / "a.pt")
    assert refused(tmp_path / "a.pt").startswith("holds more than tensors, and is not read")
    np.save(tmp_path / "b.npy", np.array([Trap()], object), allow_pickle=True)
    assert refused(tmp_path / "b.npy").startswith("holds Python objects, which could run code")
    (tmp_path / "c.npy").write_bytes(pickle.dumps(Trap()))
    assert refused(tmp_path / "c.npy")
    assert not (tmp_path / "run").exists()


def test_which_array_it_is(voice, tmp_path):
    array = mel(voice, "hifigan")
    np.savez(tmp_path / "a.npz", audio=voice / 32768, spectrogram=array)
    assert read_frames(tmp_path / "a.npz", HIFIGAN).values.shape == array.T.shape
    np.savez(tmp_path / "b.npz", left=array, right=array)
    assert refused(tmp_path / "b.npz").startswith("holds left, right, and no mel spectrogram by a name that is known")
    torch.save({"mel": torch.from_numpy(array), "other": torch.zeros(3, 3)}, tmp_path / "c.pt")
    assert read_frames(tmp_path / "c.pt", HIFIGAN).values.shape == array.T.shape
    torch.save({"a": 1}, tmp_path / "d.pt")
    assert refused(tmp_path / "d.pt").startswith("holds no tensor or dict of tensors, but dict")
    (tmp_path / "e.txt").write_text("x")
    assert refused(tmp_path / "e.txt") == "is no file of features that can be read; known: .npy, .npz, .h5, .hdf5, .pt"
    saved(tmp_path / "g.npy", array).rename(tmp_path / "g.npz")
    assert read_frames(tmp_path / "g.npz", HIFIGAN).values.shape == array.T.shape
    with zipfile.ZipFile(tmp_path / "f.npz", "w") as archive:
        archive.writestr("mel.npy", b"nothing")
    assert refused(tmp_path / "f.npz").startswith("holds nothing, and no mel")


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": np.zeros((3, 80))}, "holds no mean and deviation of mel bands"),
        ({"mean": np.zeros(40), "scale": np.ones(40)}, "is of 40 bands, and the mel spectrogram has 80"),
        (
            {"mean": np.zeros(80), "scale": np.zeros(80)},
            "has numbers that are not finite, or deviations of zero",
        ),
        ({"count": np.zeros(()), "sum": np.ones(80), "sum_square": np.ones(80)}, "has numbers that are not finite"),
        ({"mean": np.full(80, "a"), "scale": np.ones(80)}, "holds no mean and deviation of mel bands"),
    ],
)
def test_statistics_that_are_none(tmp_path, arrays, said):
    np.savez(tmp_path / "stats.npz", **arrays)
    with pytest.raises(UserError, match=f"stats.npz: {said}"):
        read_statistics(tmp_path / "stats.npz", 80)


def test_without_h5py_one_line_says_what_to_install(voice, tmp_path, monkeypatch):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["feats"] = mel(voice, "parallel-wavegan")
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    monkeypatch.setattr(optional, "version", lambda name: None)
    line = refused(tmp_path / "a.h5", WAVEGAN)
    assert line == "h5py is not installed; install it with: pip install 'h5py>=3.11'"

"""Each cause has its own advice: what one handler catches is told apart by what can be done about it."""

import errno
import gzip
import importlib.metadata
import io
import json
import os
import sys
import types
import urllib.error
import zipfile

import numpy as np
import pytest
import small_models
import small_trainings
from PIL import Image

from wavegen import quickstart
from wavegen.data.picture_files import read_tiles
from wavegen.data.preparing.layouts import LAYOUTS
from wavegen.data.preparing.layouts.base import download
from wavegen.data.preparing.picture_sets import IMAGES, LABELS, read_idx
from wavegen.data.preparing.sources import source_of
from wavegen.engine import native
from wavegen.errors import UserError
from wavegen.models import checkpoint
from wavegen.models.forms import PictureForm
from wavegen.training import train
from wavegen.training.folder import Unchanged, read_state


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), r"data: cannot be written: No space left on device$"),
        (PermissionError(errno.EACCES, "Permission denied", "data/a.zip"), r"a\.zip: cannot be written: Permission"),
        (urllib.error.URLError("no route to host"), "no route to host>; try again, or get it by hand"),
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), "reset by peer; try again, or get it by"),
        (
            RuntimeError("invalid hash value"),
            "invalid hash value; remove the archive in .*data, which is damaged",
        ),
        (EOFError("Compressed file ended"), "ended; remove the archive in .*data, which is damaged or cut short"),
        (zipfile.BadZipFile("File is not a zip file"), "not a zip file; remove the archive in"),
    ],
)
def test_a_download_that_fails(tmp_path, monkeypatch, error, words):
    def fail(root, download):
        raise error

    module = types.ModuleType("torchaudio.datasets")
    module.VCTK_092 = fail  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "torchaudio.datasets", module)
    with pytest.raises(UserError, match=words):
        download(LAYOUTS["vctk"], tmp_path / "data")


def test_a_download_without_what_downloads(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchaudio.datasets", None)
    with pytest.raises(UserError, match=r"^vctk cannot be downloaded: torchaudio .*pip install.*, or get it by hand"):
        download(LAYOUTS["vctk"], tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_folders_of_a_corpus_that_cannot_be_read(tmp_path, monkeypatch):
    (tmp_path / "corpus.tar").touch()
    with pytest.raises(UserError, match=r"corpus\.tar: is a file; unpack it, and name the folder"):
        list(LAYOUTS["ljspeech"].listed(tmp_path / "corpus.tar"))

    def refuse(self, **_):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr("pathlib.Path.stat", refuse)
    with pytest.raises(UserError, match=r"metadata\.csv: cannot be read: Permission denied; change its permissions$"):
        list(LAYOUTS["ljspeech"].listed(tmp_path))


IDX = b"\0\0\x08\3" + b"".join(n.to_bytes(4, "big") for n in (2, 3, 3)) + bytes(18)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "cannot be read: No such file"),
        (gzip.compress(IDX, mtime=0)[:-12], "its compression is damaged or cut short"),
        (gzip.compress(IDX, mtime=0)[:12] + b"\xff" * 9, "its compression is damaged or cut short"),
        (b"\0\0\x08\1\0\0\0\1\7", "is not an IDX file of pictures; it holds labels"),
        (b"\x89PNG" + bytes(20), "is not an IDX file of pictures$"),
        (IDX[:-1], "damaged: its header says 2 x 3 x 3, 17 bytes follow"),
    ],
)
def test_files_of_pictures(tmp_path, data, words):
    if data is not None:
        (tmp_path / "images").write_bytes(data)
    with pytest.raises(UserError, match=rf"images: {words}"):
        read_idx(tmp_path / "images", IMAGES)
    (tmp_path / "images").write_bytes(IDX)
    assert read_idx(tmp_path / "images", IMAGES).shape == (2, 3, 3)
    with pytest.raises(UserError, match="is not an IDX file of labels; it holds pictures"):
        read_idx(tmp_path / "images", LABELS)


def png():
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(256, size=(16, 16), dtype=np.uint8)).save(out, format="PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "cannot be read: No such file"),
        (b"text", "not a readable picture; give a PNG"),
        (png()[:100], r"a picture that is damaged or cut short \(.*\); copy it again"),
    ],
)
def test_given_pictures(tmp_path, data, words):
    if data is not None:
        (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(UserError, match=rf"a\.png: {words}"):
        read_tiles(tmp_path / "a.png", PictureForm(16, 16, 1, 256))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"numerics": 2}, "numerics 2, this wavegen computes with 1: of a newer wavegen; install that"),
        ({"numerics": 0}, "numerics 0, this wavegen computes with 1: of an older wavegen; use that, or train again"),
        ({"numerics": None}, r"the wavegen header is damaged \(numerics\); copy the file again"),
        ({"format": 3}, "format 3 of a newer wavegen, this one reads 2; install that"),
        ({"format": 1}, "format 1 of an older wavegen, this one reads 2; use it, or train again"),
        (
            {"network": {"name": "s4", "state": 64}},
            r"settings of another wavegen, or altered \(network.name = 's4' is unknown; .*\); use the right one",
        ),
    ],
)
def test_models_of_other_wavegens(tmp_path, change, words):
    checkpoint.save(small_models.mu_law_model(name="gru", hidden_size=5), tmp_path / "m.safetensors", {})
    tensors, header = checkpoint.read_tensors(tmp_path / "m.safetensors")
    checkpoint.write_tensors(tmp_path / "m.safetensors", tensors, header | change)
    with pytest.raises(UserError, match=rf"m\.safetensors: {words}"):
        checkpoint.load(tmp_path / "m.safetensors")


def test_states_and_corpora_of_a_run(tmp_path):
    corpus, run = small_trainings.make_corpus(tmp_path), tmp_path / "run"
    train(small_trainings.recipe(steps=1), corpus, run, progress=False)
    tensors, header = checkpoint.read_tensors(run / "resume.safetensors")
    changes = {
        "resume.safetensors: no state of a run, or of a wavegen before they held": {"recipe": None},
        r"another wavegen began \(in its recipe: network.size is not a setting": {
            "recipe": str(header["recipe"]).replace("[network]", "[network]\nsize = 3")
        },
        "the weights do not match their hash; the file is damaged": {"weights_hash": "0"},
        "does not fit this run: altered, or of another run or wavegen": {"recipe": 7},
    }
    for words, change in changes.items():
        changed = {key: value for key, value in (header | change).items() if value is not None}
        checkpoint.write_tensors(run / "resume.safetensors", tensors, changed)
        with pytest.raises(UserError, match=words):
            read_state(run)
    unchanged = Unchanged(corpus)
    os.utime(corpus.path / "pcm.i16", (1, 1))
    with pytest.raises(UserError, match="changed during the training; put the corpus back as it was"):
        unchanged.check()
    (tmp_path / "corpus").rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="corpus: is gone or cannot be read, as if it was moved or its disk unmounted"):
        unchanged.check()


def test_sources_of_a_newer_wavegen_and_damaged_ones():
    with pytest.raises(UserError, match=r"c: its source is of kind 'tea', of a newer wavegen; install that"):
        source_of({"kind": "tea"}, "c")
    with pytest.raises(UserError, match=r"c: its source is described wrongly, damaged or altered; prepare it again"):
        source_of({"kind": "autoregressive", "scale": "loud"}, "c")


def test_a_quickstart_whose_notes_cannot_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    notes = tmp_path / "quickstart.json"
    notes.write_text(json.dumps({"minutes": "x"}))
    with pytest.raises(UserError, match=r"quickstart\.json: damaged; remove .* or give another `out`"):
        quickstart.quickstart(tmp_path, 1)
    notes.unlink()
    notes.mkdir()
    with pytest.raises(UserError, match=r"quickstart\.json: cannot be read: Is a directory$"):
        quickstart.quickstart(tmp_path, 1)


def test_an_engine_that_is_missing_since_nothing_is_installed(monkeypatch):
    def missing():
        raise ModuleNotFoundError("No module named 'wavegen_native'", name="wavegen_native")

    def no_version(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(native, "extension", missing)
    monkeypatch.setattr("importlib.metadata.version", lambda name: "0.1.0")
    assert "installed without a working C++ compiler" in str(native.missing())
    monkeypatch.setattr("importlib.metadata.version", no_version)
    assert native.missing() == (
        "the C++ engine is missing, because only wavegen's source is on the path; pip install its folder"
    )

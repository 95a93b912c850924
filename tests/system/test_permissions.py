"""A file that may not be read is not called damaged or missing: its permissions are what is to be changed."""

import contextlib
import os
import re

import pytest
import small_models
import small_trainings
from permissions import bound_by_permissions

from wavegen.audio import files as audio_files
from wavegen.cli.main import main
from wavegen.compression.files import compress, decompress
from wavegen.data.corpus import open_corpus
from wavegen.data.verification import verify
from wavegen.engine import native
from wavegen.errors import UserError, unreadable
from wavegen.models import checkpoint
from wavegen.training.recipe import load_recipe


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("permissions")
    small_trainings.make_corpus(folder)
    for inner in ("shut", "open"):
        (folder / inner).mkdir()
    for plain in ("model.safetensors", "a.wgn", "a.toml", "a.wav", "shut/a.wav", "shut/model.safetensors"):
        (folder / plain).touch()
    return folder


@contextlib.contextmanager
def forbidden(path):
    """Nobody may read `path`, root included, whose other files stay readable."""
    mode = path.stat().st_mode
    path.chmod(0)
    try:
        with bound_by_permissions():
            yield
    finally:
        path.chmod(mode)


def verified(folder):
    verify(open_corpus(folder / "corpus"), ["train"])


def compressed(folder):
    compress(small_models.model("markov"), [(folder / "a.wav", folder / "b.wgn")])


def decompressed(folder):
    decompress(small_models.model("markov"), [(folder / "a.wgn", folder / "b.wav")])


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("corpus/corpus.json", verified),
        ("corpus/index.jsonl", verified),
        ("corpus/pcm.i16", verified),
        ("corpus/pcm.i16", lambda folder: open_corpus(folder / "corpus").pcms("train")),
        ("model.safetensors", lambda folder: checkpoint.load(folder / "model.safetensors")),
        ("a.wgn", decompressed),
        ("a.wav", compressed),
        ("a.wav", lambda folder: audio_files.read(folder / "a.wav")),
        ("a.toml", lambda folder: load_recipe(folder / "a.toml")),
    ],
)
def test_permissions_are_to_be_changed(folder, name, read):
    if read in (compressed, decompressed) and native.missing() is not None:
        pytest.skip("the extension is not built")
    with forbidden(folder / name), pytest.raises(UserError) as caught:
        read(folder)
    assert str(caught.value) == f"{folder / name}: cannot be read: Permission denied; change its permissions"


@pytest.mark.parametrize(
    ("number", "advice"),
    [(2, "No such file or directory; copy it again"), (24, "Too many open files"), (13, "Permission denied; change")],
)
def test_a_copy_is_advised_where_it_helps(number, advice):
    error = unreadable("a", OSError(number, os.strerror(number)), "copy it again")
    assert str(error).startswith(f"a: cannot be read: {advice}")


@pytest.mark.parametrize(
    "command",
    [
        "prepare {0}/shut/a.wav {0}/open/corpus",
        "score allison {0}/shut/a.wav",
        "compress allison {0}/shut/a.wav {0}/open/a.wgn",
        "info {0}/shut/model.safetensors",
        "train asterisk/gru --corpus {0}/corpus --init {0}/shut/model.safetensors --run {0}/open/run",
        "train {0}/shut/a.wav --corpus {0}/corpus --run {0}/open/run",
    ],
)
def test_in_a_folder_that_may_not_be_entered_the_file_is_what_is_named(folder, capsys, command):
    with forbidden(folder / "shut"):
        assert main(command.format(folder).split()) == 2
    line = rf"wavegen: {folder}/shut/[a-z.]+: (cannot be read: )?Permission denied; change its permissions\n"
    assert re.fullmatch(line, said := capsys.readouterr().err), said
    assert list((folder / "open").iterdir()) == []

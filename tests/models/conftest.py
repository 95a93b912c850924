"""Two runs, one of which started from the other, and their corpora."""

import shutil

import numpy as np
import pytest
import small_trainings

from wavegen.audio import files as audio_files
from wavegen.data.corpus import open_corpus
from wavegen.data.preparing.audio import prepare
from wavegen.training import train

RECIPE = small_trainings.recipe("gru", steps=2, validate_every=2)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A corpus, `run` on it, and `next` on another corpus, which started from the weights of `run`."""
    folder = tmp_path_factory.mktemp("familiarity")
    corpus = small_trainings.make_corpus(folder)
    train(RECIPE, corpus, folder / "run", progress=False)
    (folder / "others").mkdir()
    random = np.random.default_rng(1)
    for number in range(30):
        pcm = np.rint(random.normal(0, 900, 2000 + number)).astype(np.int16)
        audio_files.write(folder / f"others/{number}.wav", pcm, 8000)
    prepare(folder / "others", folder / "other-corpus")
    train(RECIPE, open_corpus(folder / "other-corpus"), folder / "next", init=folder / "run", progress=False)
    return folder


@pytest.fixture
def folder(made, tmp_path, monkeypatch):
    """The same in a place of its own."""
    shutil.copytree(made, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"

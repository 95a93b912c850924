"""Known corpora are downloaded by torchaudio, whose failures get one line."""

import sys
import types

import failing_libraries
import miniature_corpora
import pytest
from miniature_corpora import SIZES

from wavegen.cli.main import main
from wavegen.data.corpus import open_corpus
from wavegen.data.preparing.audio import prepare
from wavegen.data.preparing.layouts import LAYOUTS
from wavegen.errors import UserError
from wavegen.system.optional import TORCHAUDIO

CLASSES = {
    "yesno": "YESNO",
    "speech-commands": "SPEECHCOMMANDS",
    "cmu-arctic": "CMUARCTIC",
    "ljspeech": "LJSPEECH",
    "vctk": "VCTK_092",
    "libritts": "LIBRITTS",
}


class Downloads:
    """Stands for torchaudio's classes: notes how they are called and does `act(name)`."""

    def __init__(self):
        self.calls = []
        self.act = lambda name: None

    def dataset(self, name):
        def make(root, download=False, **options):
            self.calls.append((name, root, download, options.get("url")))
            self.act(name)

        return make


@pytest.fixture
def downloads(monkeypatch):
    downloads = Downloads()
    module = types.ModuleType("torchaudio.datasets")
    for name, kind in CLASSES.items():
        setattr(module, kind, downloads.dataset(name))
    monkeypatch.setitem(sys.modules, "torchaudio.datasets", module)
    return downloads


@pytest.mark.parametrize("name", list(LAYOUTS))
def test_download(tmp_path, downloads, name):
    def get(name):
        if not any((tmp_path / "source").iterdir()):
            miniature_corpora.MINIATURES[name](tmp_path / "source")

    downloads.act = get
    prepare(tmp_path / "source", tmp_path / "corpus", name=name, fetch=True)
    assert len(open_corpus(tmp_path / "corpus").recordings) == SIZES[name]
    urls = {"cmu-arctic": list(LAYOUTS["cmu-arctic"].parts), "libritts": ["dev-clean", "test-clean", "train-clean-100"]}
    assert downloads.calls == [(name, str(tmp_path / "source"), True, url) for url in urls.get(name, [None])]


def test_the_classes_are_what_torchaudio_has():
    import inspect

    datasets = failing_libraries.importable(TORCHAUDIO, "torchaudio.datasets")
    for kind in CLASSES.values():
        parameters = inspect.signature(getattr(datasets, kind)).parameters
        assert {"root", "download"} <= set(parameters)
    for kind in ("CMUARCTIC", "LIBRITTS"):
        assert "url" in inspect.signature(getattr(datasets, kind)).parameters


@pytest.mark.parametrize("error", [OSError("<urlopen error\n no route to host>"), RuntimeError("invalid hash value")])
def test_a_failing_download_is_one_line(tmp_path, downloads, capsys, error):
    def fail(name):
        raise error

    downloads.act = fail
    assert main(["prepare", "vctk", str(tmp_path / "source"), str(tmp_path / "corpus"), "--download"]) == 2
    err = capsys.readouterr().err
    assert "vctk cannot be downloaded: " in err
    assert "get it by hand, as its recipe's README says" in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_anything_else_that_torchaudio_raises_is_not_hidden(tmp_path, downloads):
    def fail(name):
        raise TypeError("a bug")

    downloads.act = fail
    with pytest.raises(TypeError):
        prepare(tmp_path / "source", tmp_path / "corpus", name="vctk", fetch=True)
    with pytest.raises(UserError, match="no such folder"):
        prepare(tmp_path / "source", tmp_path / "corpus", name="vctk")

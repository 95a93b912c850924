"""Libraries that only adorn, broken at import and at use, stop no command; what is asked for fails before the work."""

import json
import sys
import tomllib
import types
from pathlib import Path

import failing_libraries
import numpy as np
import pytest
from failing_libraries import EACH_ERROR, EACH_TIME

from wavegen import quickstart
from wavegen.assets import speech
from wavegen.audio import files as audio_files
from wavegen.audio.spectral import melspectrogram
from wavegen.cli.main import main
from wavegen.errors import UserError
from wavegen.quickstart import sounds
from wavegen.system import optional
from wavegen.system.optional import H5PY, LIBROSA, MATPLOTLIB, TENSORBOARDX, TORCHAUDIO, Library, adorned, fault, needed

ROOT = Path(__file__).parents[2]


def lines(caplog, name: str) -> list[str]:
    """The warnings that name a library."""
    return [record.getMessage() for record in caplog.records if f"{name} " in record.getMessage()]


def test_requirements_are_those_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    every = [*project["dependencies"], *(each for extra in project["optional-dependencies"].values() for each in extra)]
    from wavegen.benchmarking.peers import PEERS
    from wavegen.training.readiness import LIBRARIES

    peers = [peer.library for peer in PEERS.values() if peer.library is not None]
    for library in [H5PY, LIBROSA, MATPLOTLIB, TENSORBOARDX, TORCHAUDIO, *LIBRARIES.values(), *peers]:
        assert library.requirement in every


def test_the_line_names_versions_and_the_command():
    missing = Library("no-such-thing", "no-such-thing>=2")
    assert fault(missing, ImportError("x")) == (
        "no-such-thing is not installed; install it with: pip install 'no-such-thing>=2'"
    )
    line = fault(Library("numpy", "numpy>=1.26", "torch"), OSError("two\n  lines"))
    versions = f"numpy {np.__version__} beside torch {optional.version('torch')}"
    wanted = "does not work (OSError: two lines); mend it with: pip install --force-reinstall 'numpy>=1.26'"
    assert line == f"{versions} {wanted}"


def test_a_users_error_is_not_the_librarys(monkeypatch, caplog):
    monkeypatch.setattr(optional, "_said", set())

    def full():
        raise UserError("the disk is full")

    with pytest.raises(UserError, match="the disk is full"):
        adorned(MATPLOTLIB, "pictures", full)
    with pytest.raises(UserError, match="the disk is full"), needed(MATPLOTLIB, "--plot"):
        full()
    with pytest.raises(KeyboardInterrupt):
        adorned(MATPLOTLIB, "pictures", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    assert not caplog.records


@EACH_TIME
@EACH_ERROR
def test_score_without_a_plot_needs_no_matplotlib_and_with_one_fails_early(place, when, error, monkeypatch, capsys):
    failing_libraries.break_library(monkeypatch, "matplotlib", failing_libraries.ERRORS[error], when)
    recording = str(place / "a.wav")
    assert main(["score", str(place / "gru"), recording, "--json"]) == 0
    json.loads(capsys.readouterr().out)
    monkeypatch.setattr("wavegen.evaluation.audio.score", lambda *_, **__: pytest.fail("it had begun to score"))
    assert main(["score", str(place / "gru"), recording, "--plot", "s.png"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("wavegen: --plot: matplotlib ")
    assert f"({optional.reason(failing_libraries.ERRORS[error])})" in err
    assert err.endswith("mend it with: pip install --force-reinstall 'matplotlib>=3.10.7'\n")
    assert err.count("\n") == 1
    assert not list(Path.cwd().iterdir())


@EACH_TIME
def test_bench_with_a_plot_fails_early(place, when, monkeypatch, capsys):
    failing_libraries.break_library(monkeypatch, "matplotlib", failing_libraries.ERRORS["OSError"], when)
    monkeypatch.setattr("wavegen.benchmarking.bench", lambda *_, **__: pytest.fail("it had begun"))
    monkeypatch.setattr("wavegen.benchmarking.training.bench_training", lambda *_, **__: pytest.fail("it had begun"))
    for command in (["bench", "--plot", "b.png"], ["bench", "--training", "--plot", "b.png"]):
        assert main(command) == 2
        assert "wavegen: --plot: matplotlib " in capsys.readouterr().err


@EACH_TIME
@EACH_ERROR
def test_a_page_without_pictures(place, when, error, monkeypatch, capsys, caplog):
    failing_libraries.break_library(monkeypatch, "matplotlib", failing_libraries.ERRORS[error], when)
    monkeypatch.setattr("wavegen.reports.examples.DRAWN_SECONDS", 0.05)
    command = ["compare", str(place / "gru"), "--corpus", str(place / "corpus"), "--html", "c.html"]
    assert main([*command, "--without", "adaptive coder"]) == 0, capsys.readouterr().err
    page = Path("c.html").read_text(encoding="utf-8")
    assert page.count("<audio") >= 1
    assert "<img" not in page
    (line,) = lines(caplog, "matplotlib")
    assert line.startswith("wavegen: warning: pictures are left out: matplotlib ")


@pytest.fixture(scope="module")
def whole_run(furnished, tmp_path_factory):
    """The events of a training in which all libraries work."""
    run = tmp_path_factory.mktemp("whole") / "run"
    with pytest.MonkeyPatch.context() as monkeypatch:
        train(furnished, run, monkeypatch)
    return events_bytes(run)


def train(furnished: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wavegen.training.previews.SHARE", float("inf"))
    monkeypatch.setattr("wavegen.training.previews.PREVIEW_SECONDS", 0.05)
    short = ["--set", "training.validate_every=3"]
    assert main(["train", str(furnished / "recipe.toml"), "--json", "--run", str(run), *short]) == 0


def events_bytes(run: Path) -> int:
    return sum(path.stat().st_size for path in run.glob("events*"))


@EACH_TIME
@pytest.mark.parametrize("library", ["matplotlib", "tensorboardX"])
@pytest.mark.parametrize("error", ["ImportError", "OSError"])
def test_a_training_goes_on_without_them(place, whole_run, library, when, error, monkeypatch, capsys, caplog):
    failing_libraries.break_library(monkeypatch, library, failing_libraries.ERRORS[error], when)
    train(place, Path("bare"), monkeypatch)
    (line,) = lines(caplog, library)
    assert f"left out: {library} " in line
    assert "mend it with: pip install" in line
    assert Path("bare/model.safetensors").exists()
    assert json.loads(capsys.readouterr().out)["steps"] == 3
    if library == "matplotlib":
        assert 0 < events_bytes(Path("bare")) < whole_run, "sounds and curves are there, pictures are not"
    else:
        assert events_bytes(Path("bare")) == 0 < whole_run


def test_tensorboard_that_fails_in_the_middle_is_left_alone_from_then_on(place, monkeypatch, caplog):
    from wavegen.training.board import Board

    board = Board(Path.cwd(), 0)
    board.scalars({"bits": 1.0}, 1)
    monkeypatch.setattr("tensorboardX.summary.scalar", lambda *_: (_ for _ in ()).throw(OSError("gone")))
    for step in (2, 3):
        board.scalars({"bits": 1.0}, step)
        board.image("a", np.zeros((4, 4, 3)), step)
    board.close()
    assert len(lines(caplog, "tensorboardX")) == 1


@pytest.fixture
def embedded(place, tmp_path, monkeypatch):
    """A quickstart on a few recordings, of small models."""
    monkeypatch.setattr(speech, "folder", lambda: place / "source")
    networks = {"wavenet": "dilations = [1, 2]\nresidual_channels = 4\ngate_channels = 4\nskip_channels = 4"}
    networks |= {"gru": "hidden_size = 4", "nade": "frame_size = 4\nhidden_size = 4"}
    (tmp_path / "recipes").mkdir()
    training = "[training]\nminutes = 1\nbatch_size = 2\nwindow = 64\nthreads = 1\n"
    for name, settings in networks.items():
        text = f'[network]\nname = "{name}"\n{settings}\n{training}'
        (tmp_path / "recipes" / f"{name}.toml").write_text(text)
    monkeypatch.setattr(quickstart, "RECIPES", tmp_path / "recipes")
    monkeypatch.setattr(sounds, "SECONDS", {"cpu": 0.1, "torch": 0.02})
    monkeypatch.setattr(sounds, "PRIME_SECONDS", 0.02)


@EACH_TIME
@pytest.mark.parametrize("error", ["ModuleNotFoundError", "OSError"])
def test_quickstart_ends_without_any_of_them(embedded, when, error, monkeypatch, capsys, caplog):
    for library in ("matplotlib", "tensorboardX", "torchaudio", "wavegen_cuda"):
        failing_libraries.break_library(monkeypatch, library, failing_libraries.ERRORS[error], when)
    assert main(["quickstart", "--minutes", "0.02", "--json"]) == 0, capsys.readouterr().err
    result = json.loads(capsys.readouterr().out)
    assert all(len(audio_files.read(file).pcm) for file in result["recordings"])
    page = Path("quickstart/report.html").read_text(encoding="utf-8")
    assert page.count("<audio") == 7
    assert "<img" not in page
    assert len(lines(caplog, "matplotlib")) == len(lines(caplog, "tensorboardX")) == 1
    assert not lines(caplog, "torchaudio")


@EACH_TIME
def test_quickstart_ends_without_librosa(embedded, when, monkeypatch, capsys):
    failing_libraries.break_library(monkeypatch, "librosa", failing_libraries.ERRORS["OSError"], when)
    monkeypatch.setattr("wavegen.audio.spectral.melspectrogram._librosa", melspectrogram._librosa.__wrapped__)
    melspectrogram.mel_filters.cache_clear()
    assert main(["quickstart", "--minutes", "0.02", "--json"]) == 0, capsys.readouterr().err
    out, err = capsys.readouterr()
    assert [Path(file).stem for file in json.loads(out)["recordings"]][-1] == "real"
    (line,) = [line for line in err.splitlines() if "librosa" in line]
    assert line.startswith("wavegen: warning: what a vocoder makes of a recording is left out: a mel spectrogram: ")
    assert line.endswith("mend it with: pip install --force-reinstall 'librosa>=0.11'")


def test_pictures_need_no_torchaudio(place, monkeypatch):
    failing_libraries.break_library(monkeypatch, "torchaudio", failing_libraries.ERRORS["OSError"], "import")
    assert main(["score", str(place / "gru"), str(place / "a.wav"), "--plot", "s.png"]) == 0
    assert Path("s.png").stat().st_size > 10_000


@EACH_ERROR
def test_a_download_without_a_working_torchaudio_gets_one_line(place, error, monkeypatch, capsys):
    failing_libraries.break_library(monkeypatch, "torchaudio", failing_libraries.ERRORS[error], "import")
    assert main(["prepare", "yesno", "data", "corpus", "--download"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("wavegen: yesno cannot be downloaded: torchaudio ")
    assert "pip install" in err
    assert "'torchaudio==2.11.0'" in err
    assert err.count("\n") == 1
    if optional.version("torchaudio") is not None:
        assert f"beside torch {optional.version('torch')}" in err
    assert not list(Path.cwd().iterdir())


def test_a_download_that_asks_for_more_of_torchaudio(place, monkeypatch, capsys):
    def more(*_, **__):
        raise ImportError("TorchCodec is required")

    module = types.ModuleType("torchaudio.datasets")
    monkeypatch.setattr(module, "YESNO", more, raising=False)
    monkeypatch.setitem(sys.modules, "torchaudio.datasets", module)
    assert main(["prepare", "yesno", "data", "corpus", "--download"]) == 2
    assert "TorchCodec is required); mend it with" in capsys.readouterr().err
    assert not list(Path.cwd().iterdir())

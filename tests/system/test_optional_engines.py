"""Engines and peers whose libraries are broken: commands go on without them, and say why."""

import json
import re
import sys
import types

import failing_libraries
import pytest
import small_models
from failing_libraries import EACH_ERROR, EACH_TIME

from wavegen import benchmarking as bench_module
from wavegen.cli.main import main
from wavegen.constants import NUMERICS
from wavegen.engine import cuda, native
from wavegen.errors import UserError
from wavegen.system import optional
from wavegen.system.optional import MATPLOTLIB, TENSORBOARDX, fault


class FailingCuda(types.ModuleType):
    """An extension that is there, and whose `stage` fails."""

    numerics = NUMERICS
    interface = cuda.INTERFACE

    def __init__(self, stage: str, error: Exception):
        super().__init__("wavegen_cuda")
        self.stage, self.error = stage, error

    def _at(self, stage: str, value):
        if stage == self.stage:
            raise self.error
        return value

    def missing(self):
        return self._at("missing", None)

    def device(self):
        return self._at("device", "a GPU")

    def multiprocessors(self):
        return self._at("multiprocessors", 1)

    def weights(self, **_):
        return self._at("weights", None)


def stub_cuda(monkeypatch, stage: str, error: str) -> None:
    if stage in ("import", "use"):
        failing_libraries.break_library(monkeypatch, "wavegen_cuda", failing_libraries.ERRORS[error], stage)
    else:
        monkeypatch.setitem(sys.modules, "wavegen_cuda", FailingCuda(stage, failing_libraries.ERRORS[error]))


@pytest.mark.parametrize("stage", ["import", "use", "missing", "device", "multiprocessors"])
@EACH_ERROR
def test_a_broken_cuda_extension_is_a_missing_engine(place, stage, error, monkeypatch, capsys):
    stub_cuda(monkeypatch, stage, error)
    assert main(["info", "--json"]) == 0
    engine = json.loads(capsys.readouterr().out)["engines"]["cuda"]
    assert engine["on"] is None
    if stage != "use":  # whose `numerics` is none of ours
        assert type(failing_libraries.ERRORS[error]).__name__ in engine["missing"]
    assert "pip install --force-reinstall --no-deps" in engine["missing"]
    assert main(["generate", str(place / "wavenet"), "o.wav", "--seconds", "0.01", "--json"]) == 0
    assert main(["generate", str(place / "wavenet"), "p.wav", "--seconds", "0.01", "--engine", "cuda"]) == 2
    assert "wavegen: engine cuda cannot be used: it " in capsys.readouterr().err


@pytest.fixture
def hasty(monkeypatch):
    """A benchmark of a small model in short turns."""
    small = small_models.mu_law_model(
        name="wavenet", residual_channels=4, gate_channels=4, skip_channels=4, dilations=(1, 2)
    )
    monkeypatch.setattr(bench_module, "TURN_SECONDS", 0.004)
    monkeypatch.setattr(bench_module, "model_named", lambda what: small)


@pytest.mark.parametrize("stage", ["import", "use", "device", "weights"])
@pytest.mark.parametrize("error", ["OSError", "RuntimeError", "AttributeError"])
@pytest.mark.filterwarnings("ignore")
def test_bench_goes_on_without_cuda(place, hasty, stage, error, monkeypatch, capsys):
    stub_cuda(monkeypatch, stage, error)
    monkeypatch.setattr(bench_module, "PEERS", {})
    assert main(["bench", "--rounds", "1", "--json"]) == 0, capsys.readouterr().err
    result = json.loads(capsys.readouterr().out)
    assert "torch" in {row["engine"] for row in result["rows"]}
    assert not any(row["engine"] == "cuda" for row in result["rows"])


@EACH_TIME
@EACH_ERROR
@pytest.mark.parametrize("library", ["onnxruntime", "onnx", "wavenet_vocoder"])
@pytest.mark.filterwarnings("ignore")
def test_bench_goes_on_without_a_peer(place, hasty, library, when, error, monkeypatch, capsys):
    monkeypatch.setattr(cuda, "missing", lambda: "there is no GPU")
    names = {"onnxruntime": "ONNX Runtime", "onnx": "ONNX Runtime", "wavenet_vocoder": "wavenet-vocoder"}
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())  # they are installed
    failing_libraries.break_library(monkeypatch, library, failing_libraries.ERRORS[error], when)
    assert main(["bench", "--rounds", "1", "--json"]) == 0, capsys.readouterr().err
    result = json.loads(capsys.readouterr().out)
    (why,) = [row["why"] for row in result["missing"] if row["engine"] == names[library]]
    assert "pip install" in why
    assert names[library] not in {row["engine"] for row in result["rows"]}
    assert "PyTorch loop" in {row["engine"] for row in result["rows"]}


@EACH_ERROR
def test_a_broken_cpu_extension_leaves_the_torch_engine(place, error, monkeypatch, capsys):
    failing_libraries.break_library(monkeypatch, "wavegen_native", failing_libraries.ERRORS[error], "import")
    assert native.missing() is not None
    assert main(["score", str(place / "gru"), str(place / "a.wav"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["engine"] == "torch"
    assert main(["score", str(place / "gru"), str(place / "a.wav"), "--engine", "cpu"]) == 2
    assert f"cannot be loaded ({optional.reason(failing_libraries.ERRORS[error])})" in capsys.readouterr().err


NO_SPACE = ImportError("libX.so: failed to map segment from shared object")


def test_want_of_memory_is_not_mended_by_an_installation(place, monkeypatch):
    """Under ulimit -v."""
    for line in (fault(MATPLOTLIB, NO_SPACE), fault(TENSORBOARDX, MemoryError())):
        assert re.match(r"too little memory for \w+ [\d.]+ \(", line)
        assert "pip" not in line
    for engine, library in ((native, "wavegen_native"), (cuda, "wavegen_cuda")):
        failing_libraries.break_library(monkeypatch, library, NO_SPACE, "import")
        assert "too little memory" in engine.missing()
        assert "pip" not in engine.missing()


def test_an_engine_without_memory_says_so(monkeypatch):
    def full(**_):
        raise MemoryError("std::bad_alloc")

    model = small_models.mu_law_model(name="gru", hidden_size=5)
    monkeypatch.setattr(native, "missing", lambda: None)
    monkeypatch.setattr(native, "extension", lambda: types.SimpleNamespace(Engine=full))
    with pytest.raises(UserError, match=r"^engine cpu: too little memory for 3 streams; free some, raise the limit"):
        native.NativeEngine(model, 3)

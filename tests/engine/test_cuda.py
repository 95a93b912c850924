"""The CUDA engine as users meet it: what is said where it cannot be used, and the commands where it can."""

import json
import sys

import numpy as np
import pytest
import sensitive_models
import small_models
from cuda_stand_in import cannot, stand_in

import wavegen.benchmarking as bench_module
from wavegen.benchmarking import bench
from wavegen.benchmarking.table import bench_text
from wavegen.cli.main import main
from wavegen.engine import cuda, describe_engines, open_engine
from wavegen.engine.cuda import CudaEngine
from wavegen.errors import UserError
from wavegen.evaluation.audio import score
from wavegen.models import checkpoint
from wavegen.sampling.audio import generate


@pytest.fixture
def gpu(monkeypatch):
    """The stand-in; gives a function that sets WAVEGEN_SHIM_… variables, which describe its GPU."""
    if (why := cannot()) is not None:
        pytest.skip(why)
    monkeypatch.setitem(sys.modules, "wavegen_cuda", stand_in())
    return lambda **values: [monkeypatch.setenv(f"WAVEGEN_SHIM_{key}", str(value)) for key, value in values.items()]


def why_not() -> str:
    """What `--engine cuda` says; `info` must say the same."""
    with pytest.raises(UserError) as caught:
        open_engine(sensitive_models.wavenet(), engine="cuda")
    (line,) = str(caught.value).splitlines()
    missing = describe_engines()["engines"]["cuda"]["missing"]
    assert line == f"engine cuda cannot be used: {missing}; try `engine='cpu'`"
    return line


@pytest.mark.parametrize(
    ("device", "reason"),
    [
        ({"DEVICES": -1}, "there is no NVIDIA driver"),
        ({"DEVICES": 0}, "there is no NVIDIA GPU"),
        ({"MAJOR": 7}, "a CPU that stands in for a GPU has compute capability 7.0; 8.0 is the least"),
    ],
)
def test_why_a_gpu_cannot_be_used(gpu, device, reason):
    gpu(**device)
    assert reason in why_not()


def test_why_the_module_cannot_be_used(gpu, monkeypatch):
    monkeypatch.setattr(stand_in(), "numerics", 99)
    assert "numerics 99, wavegen 1" in why_not()
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "wavegen_cuda", stand_in())
    monkeypatch.setattr(stand_in(), "interface", 99)
    assert "built from another version of wavegen" in why_not()
    monkeypatch.setitem(sys.modules, "wavegen_cuda", None)
    assert "installed without a CUDA compiler (nvcc)" in why_not()


def test_the_installed_module_says_what_it_lacks():
    """Without the stand-in: importing it needs neither driver nor GPU."""
    missing = describe_engines()["engines"]["cuda"]
    assert (missing["missing"] is None) == (missing["on"] is not None)
    if missing["missing"] is not None:
        assert missing["missing"] in why_not()


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        ("gru", {}, "does not run gru networks; try `engine='cpu'`"),
        ("logistics", {"precision": "int8"}, "does not know precision int8; give `precision` float32 or bfloat16"),
        ("logistics", {"streams": 70000}, "number of streams is 70000"),
        ("logistics", {"streams": 60000}, "the GPU has no room for another"),
    ],
)
def test_what_cannot_be_opened(gpu, model, arguments, message):
    gpu(MEMORY=10**8)
    with pytest.raises(UserError, match=message):
        open_engine(sensitive_models.combined(model), engine="cuda", **arguments)


def test_what_cannot_be_asked(gpu):
    engine = open_engine(sensitive_models.wavenet(), 2, engine="cuda")
    for seeds in ([1], [1, -1], [1, 2**64]):
        with pytest.raises(UserError, match="seed"):
            engine.generate(3, seeds)
    with pytest.raises(UserError, match="temperature"):
        engine.generate(3, [1, 2], 0)
    with pytest.raises(UserError, match=r"top_p 0\.9 is for a categorical distribution"):
        open_engine(sensitive_models.combined("gaussians"), 1, engine="cuda").generate(3, [1], top_p=0.9)
    with pytest.raises(ValueError, match="expected int16"):
        engine.feed(sensitive_models.pcm(1, 4))
    with pytest.raises(UserError, match="kernel fast is unknown"):
        CudaEngine(sensitive_models.wavenet(), 1, kernel="fast")


def test_an_error_of_cuda_is_one_line(gpu, monkeypatch):
    engine = open_engine(sensitive_models.wavenet(), 1, engine="cuda")
    gpu(SHARED=100)  # less than its kernel was opened for
    with pytest.raises(UserError, match="engine cuda stopped: CUDA: invalid argument"):
        engine.generate(3, [1])
    with pytest.raises(UserError, match="engine cuda stopped: CUDA: the engine stopped in the middle of a call"):
        engine.generate(3, [1])


def test_auto_never_takes_it(gpu):
    assert open_engine(sensitive_models.wavenet()).name in ("cpu", "torch")


def test_generate_and_score(gpu, tmp_path):
    model = sensitive_models.combined("logistics-mu-law")
    made = generate(model, 40, seeds=[1, 2], prime=sensitive_models.pcm(1, 5)[0], engine="cuda", precision="bfloat16")
    expected = generate(
        model, 40, seeds=[1, 2], prime=sensitive_models.pcm(1, 5)[0], engine="cpu", precision="bfloat16"
    )
    assert (made.engine, made.precision) == ("cuda", "bfloat16")
    for draw, other in zip(made.draws, expected.draws, strict=True):
        assert np.array_equal(draw.pcm, other.pcm)
    paths = made.write(tmp_path / "o.wav")
    scored = score(model, paths, engine="cuda", precision="bfloat16")
    assert scored["engine"] == "cuda"
    for file, draw in zip(scored["files"], made.draws, strict=True):
        assert file["bits_per_sample"] == pytest.approx(draw.bits_per_sample, abs=1e-4)


def test_the_command_line(gpu, tmp_path, capsys):
    checkpoint.save(sensitive_models.combined("gaussians"), tmp_path / "model.safetensors", {})
    arguments = [str(tmp_path / "model.safetensors"), str(tmp_path / "o.wav"), "--seconds", "0.005", "--json"]
    assert main(["generate", *arguments, "--engine", "cuda"]) == 0
    assert json.loads(capsys.readouterr().out)["engine"] == "cuda"
    gpu(DEVICES=0)
    assert main(["generate", *arguments, "--engine", "cuda", "--force"]) == 2
    assert capsys.readouterr().err == (
        "wavegen: engine cuda cannot be used: there is no NVIDIA GPU; try --engine cpu\n"
    )


def test_info_without_a_name_is_about_engines(gpu, capsys):
    assert main(["info"]) == 0
    assert "cuda   a CPU that stands in for a GPU\ntorch  PyTorch" in capsys.readouterr().out
    gpu(DEVICES=0)
    assert main(["info"]) == 0
    assert "cuda   missing: there is no NVIDIA GPU\n" in capsys.readouterr().out
    assert main(["info", "--json"]) == 0
    engines = json.loads(capsys.readouterr().out)["engines"]
    assert engines["cuda"] == {"on": None, "missing": "there is no NVIDIA GPU"}
    assert engines["torch"]["missing"] is None


@pytest.mark.filterwarnings("ignore")
def test_bench_has_its_rows_or_says_why_not(gpu, monkeypatch):
    small = small_models.mu_law_model(
        name="wavenet", residual_channels=4, gate_channels=4, skip_channels=4, dilations=(1, 2)
    )
    monkeypatch.setattr(bench_module, "TURN_SECONDS", 0.004)
    monkeypatch.setattr(bench_module, "model_named", lambda what: small)
    monkeypatch.setattr(bench_module, "PEERS", {})
    gpu(SMS=1)
    result = bench("A", rounds=1)
    rows = {row["precision"]: [] for row in result["rows"] if row["engine"] == "cuda"}
    for row in result["rows"]:
        if row["engine"] == "cuda":
            rows[row["precision"]].append(row["streams"])
    assert rows == {precision: [1, cuda.many()] for precision in cuda.PRECISIONS}
    assert "; a CPU that stands in for a GPU" in bench_text(result)
    gpu(DEVICES=0)
    result = bench("A", rounds=1)
    assert {"engine": "cuda", "why": "there is no NVIDIA GPU"} in result["missing"]
    assert result["machine"]["gpu"] is None

"""The benchmark measures what it says: its peers compute the model, its bounds read all that a step needs."""

import itertools
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import sensitive_models
import small_models
import torch

import wavegen
import wavegen.benchmarking as bench_module
from wavegen.benchmarking import LOOP, MULTIPLY_ADDS, REPLAY, Contender, bench
from wavegen.benchmarking.configurations import CONFIGURATIONS, configuration
from wavegen.benchmarking.peers import PEERS, OnnxRuntime, TorchLoop, wavenet_of
from wavegen.benchmarking.plot import plot
from wavegen.engine import cuda, native
from wavegen.engine.packing import engine_arguments
from wavegen.errors import UserError
from wavegen.extension import extension

needs_extension = pytest.mark.skipif(native.missing() is not None, reason="the C++ engine is not installed")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("D", "; known: A, B, C, allison, allison-vocoder"),
        ("b", "; did you mean B?"),
        ("alison", "; did you mean allison?"),
        ("runs/absent", "; known: A, B, C, allison, allison-vocoder"),
    ],
)
def test_an_unknown_name_is_told_with_those_that_are_known(name, said):
    with pytest.raises(UserError) as error:
        bench(name)
    assert str(error.value) == f"{name}: no such file, nor a configuration or model of wavegen{said}"


@pytest.mark.parametrize("shape", ["odd", "kernel-3", "one-layer"])
@pytest.mark.parametrize("peer", [TorchLoop, OnnxRuntime])
def test_peers_compute_the_model(peer, shape):
    model = sensitive_models.wavenet(shape)
    streams = 1 if peer is OnnxRuntime else 2
    assert peer.missing(model) is None
    loop = peer(model, streams)
    symbols = torch.randint(0, 256, (streams, 40), generator=torch.manual_seed(0))
    with torch.inference_mode():
        before = torch.cat([torch.full((streams, 1), model.codec.silence), symbols[:, :-1]], dim=1)
        logits, _ = model.network(torch.nn.functional.embedding(before, model.input_table()))
        for t in range(40):
            row = model.input_table()[before[:, t]].detach()
            if isinstance(loop, TorchLoop):
                found, expected = loop.step(row), logits[:, t]
            else:
                found, expected = torch.from_numpy(loop.step(row.numpy())), torch.softmax(logits[:, t], dim=1)
            torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.filterwarnings("ignore")
def test_peers_draw(name):
    model = small_models.mu_law_model(
        name="wavenet", residual_channels=6, gate_channels=10, skip_channels=7, dilations=(1, 2)
    )
    assert PEERS[name].missing(model) is None
    PEERS[name](model, 1).run(20)


def test_peers_say_what_they_cannot_run(monkeypatch):
    gru = small_models.mu_law_model(name="gru", hidden_size=3)
    odd = sensitive_models.wavenet("odd")
    told = small_models.model("wavenet", encoder=small_models.conditioning())
    for peer in PEERS.values():
        assert "runs WaveNets" in str(peer.missing(gru))
        assert "runs WaveNets" in str(peer.missing(sensitive_models.combined("logistics")))
        assert "unconditional" in str(peer.missing(told))
    assert "1, 2, 4" in str(PEERS["wavenet-vocoder"].missing(odd))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert OnnxRuntime.missing(odd) == "onnxruntime and onnx not installed"


@pytest.mark.parametrize(("name", "weights"), [("A", 0.62e6), ("B", 0.87e6), ("C", 3.57e6)])
def test_the_named_configurations(name, weights):
    model = configuration(name)
    assert model.network.macs_per_sample == pytest.approx(weights, rel=0.03)
    assert model.network.receptive_field == 1 + 1023 * CONFIGURATIONS[name][2]


@pytest.fixture
def hasty(monkeypatch):
    """Short turns, and no GPU, whose rows test_engine_cuda_public.py is about."""
    monkeypatch.setattr(bench_module, "TURN_SECONDS", 0.004)
    monkeypatch.setattr(cuda, "missing", lambda: "there is no GPU")


@needs_extension
@pytest.mark.filterwarnings("ignore")
def test_a_run_holds_every_engine_and_its_ratios(hasty, monkeypatch):
    small = small_models.mu_law_model(
        name="wavenet", residual_channels=16, gate_channels=32, skip_channels=16, dilations=(1, 2, 4)
    )
    monkeypatch.setattr(bench_module, "model_named", lambda what: small)
    result = bench("A", rounds=2)
    rows = {(row["engine"], row["precision"], row["streams"]) for row in result["rows"]}
    for precision, streams in itertools.product(("float32", "bfloat16", "int8"), (1, 32)):
        assert ("cpu", precision, streams) in rows
    assert {name for name, _, _ in rows} == {"cpu", REPLAY, MULTIPLY_ADDS, "torch", *PEERS}
    assert all(0 < row["low"] <= row["samples_per_second"] <= row["high"] for row in result["rows"])
    ratios = {(ratio["a"], ratio["b"]): ratio for ratio in result["ratios"]}
    for a, b in [
        ("cpu float32", f"{LOOP} float32"),
        ("cpu float32", f"{REPLAY} float32"),
        ("cpu float32, 32 streams", f"{MULTIPLY_ADDS} float32"),
        ("cpu float32", "ONNX Runtime float32"),
        ("cpu int8", "wavenet-vocoder float32"),
        ("torch float64", f"{LOOP} float32"),
    ]:
        assert 0 < ratios[a, b]["low"] <= ratios[a, b]["ratio"] <= ratios[a, b]["high"]
    assert "torch float64" not in {b for _, b in ratios}, "the loop is the faster of the two"
    assert result["missing"] == [{"engine": "cuda", "why": "there is no GPU"}]


@needs_extension
@pytest.mark.parametrize("name", ["gru", "logistics"])
def test_where_no_peer_runs_the_torch_engine_is_what_is_compared_with(hasty, monkeypatch, name):
    monkeypatch.setattr(bench_module, "model_named", lambda what: sensitive_models.combined(name))
    result = bench("model.safetensors", rounds=1)
    assert {row["engine"] for row in result["missing"]} == {"cuda", *PEERS}
    assert {row["engine"] for row in result["rows"]} == {"cpu", REPLAY, MULTIPLY_ADDS, "torch"}
    own = [bench_module.label(row) for row in result["rows"] if row["engine"] == "cpu"]
    assert [ratio["a"] for ratio in result["ratios"] if ratio["b"] == "torch float64"] == own
    assert {ratio["a"] for ratio in result["ratios"]} == set(own)


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_every_model_is_measured_in_the_torch_engine(hasty, monkeypatch, precision):
    """Also one that has a precision of the cpu engine's, and where there is no cpu engine."""
    model = sensitive_models.combined("logistics")
    model.metadata = {"precision": precision}
    monkeypatch.setattr(bench_module, "model_named", lambda what: model)
    monkeypatch.setattr(native, "missing", lambda: "the C++ engine is missing")
    result = bench("model.safetensors", rounds=1)
    (row,) = result["rows"]
    assert {key: row[key] for key in ("engine", "precision", "threads", "streams")} == {
        "engine": "torch",
        "precision": "float64",
        "threads": 1,
        "streams": 1,
    }
    assert result["missing"][0] == {"engine": "cpu", "why": "the C++ engine is missing"}


@pytest.mark.parametrize("built", [True, False])
def test_why_the_cpu_engine_has_no_row(hasty, monkeypatch, built):
    model = small_models.mu_law_model(name="nade", frame_size=5, hidden_size=6)
    monkeypatch.setattr(bench_module, "model_named", lambda what: model)
    if not built:
        monkeypatch.setattr(native, "missing", lambda: "the C++ engine is missing")
    result = bench("model.safetensors", rounds=1)
    assert [row["engine"] for row in result["rows"]] == ["torch"]
    assert result["ratios"] == []
    assert result["missing"][0] == {"engine": "cpu", "why": "does not run nade networks"}


def test_an_open_model_is_measured_under_the_name_of_its_network(hasty):
    model = small_models.mu_law_model(name="gru", hidden_size=3)
    result = wavegen.bench(model, rounds=1)
    assert (result["model"], result["parameters"]) == ("gru", model.num_parameters)
    assert wavegen.bench is bench, "no module of the package hides the function"


class Clock:
    """A time that passes as it is told to, in place of the module that tells it."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(bench_module, "time", clock)
    return clock


def test_rates_and_ratios_are_what_the_clock_says(clock, monkeypatch):
    """Turns of 480 samples that last whole seconds, the first of them to warm up."""
    lasting = {
        ("cpu", "float32", 1, 1): [9, 2, 4, 8],
        ("cpu", "int8", 3, 32): [9, 1, 2, 4],
        (LOOP, "float32", 1, 1): [9, 2, 1, 16],
    }
    drawn = []

    def contender(engine, precision, threads, streams):
        name = (engine, precision, threads, streams)
        turns = iter(lasting[name])

        def run(samples):
            drawn.append((name, samples))
            clock.now += next(turns)

        return Contender(engine, precision, threads, streams, run)

    monkeypatch.setattr(bench_module, "_contenders", lambda model, failed: itertools.starmap(contender, lasting))
    monkeypatch.setattr(bench_module, "_calibrated", lambda contender: 480)
    result = bench("A", rounds=3)
    assert drawn == [(name, 480) for _ in range(4) for name in lasting], "they take turns"
    keys = ("engine", "precision", "threads", "streams", "samples_per_second", "low", "high")
    assert [tuple(row[key] for key in keys) for row in result["rows"]] == [
        ("cpu", "float32", 1, 1, 120, 60, 240),
        ("cpu", "int8", 3, 32, 7680, 3840, 15360),
        (LOOP, "float32", 1, 1, 240, 30, 480),
    ]
    assert result["ratios"] == [
        {"a": "cpu float32", "b": f"{LOOP} float32", "ratio": 1, "low": 0.25, "high": 2},
        {"a": "cpu int8, 3 threads, 32 streams", "b": f"{LOOP} float32", "ratio": 64, "low": 16, "high": 128},
    ]


@pytest.mark.parametrize(("speed", "samples"), [(1000, 400), (1, 16), (3e6, 1_200_000)])
def test_a_turn_lasts_what_it_should(clock, speed, samples):
    """Two fifths of a second, in multiples of 16 samples, one at least."""

    def run(count):
        clock.now += count / speed

    assert bench_module._calibrated(Contender("", "", 1, 32, run)) == samples


@pytest.mark.parametrize("a_round", [384, 48, 7])
def test_bounds_read_the_weights_and_do_the_multiply_adds_of_every_sample(monkeypatch, a_round):
    """A round does as many as the instruction set's vectors hold."""
    done, read = [], []

    def multiply_adds(rounds):
        done.append(rounds * a_round)
        return done[-1]

    extension = SimpleNamespace(
        replay=lambda engine, samples: SimpleNamespace(read=lambda times: read.append(times * samples)),
        multiply_adds=multiply_adds,
    )
    monkeypatch.setattr(bench_module, "extension", lambda: extension)
    model = sensitive_models.wavenet("odd")
    noted: Any = SimpleNamespace(generate=lambda *_: None)
    replay, spin = bench_module._bounds(model, noted)
    assert (replay.engine, spin.engine, spin.streams) == (REPLAY, MULTIPLY_ADDS, 1)
    for samples in (16, 160, 16_000):
        replay.run(samples)
        spin.run(samples)
        assert read[-1] == samples
        assert 0 <= done[-1] - samples * model.macs_per_sample < a_round


@pytest.mark.parametrize("name", ["bench", "bench.chart", "bench.svg"])
def test_a_plot_is_a_png_file_whatever_it_is_called(tmp_path, name):
    row = {"engine": "cpu", "precision": "float32", "threads": 1, "streams": 1}
    rows = [row | {"samples_per_second": 20.0, "low": 10.0, "high": 30.0}]
    result: Any = {"model": "A", "machine": {"cpu": "a", "isa": None}, "rows": rows, "sample_rate": 8000}
    plot(tmp_path / name, result)
    assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


@needs_extension
def test_a_replay_reads_every_weight_that_a_step_needs():
    model = sensitive_models.wavenet("odd")
    engine = extension().Engine(**engine_arguments(model.data(), "float32", "recording"), streams=1, threads=1)
    engine.generate(16, np.zeros(1, np.uint64), 1.0, 1.0)
    replay = extension().replay(engine, 18)  # of dilations 1, 3, 9 and 2: whole blocks of each
    network = wavenet_of(model)
    residual, half, skip = channels = (network.residual_channels, network.gate_channels // 2, network.skip_channels)
    wide_residual, wide_half, wide_skip = (-(-width // 16) * 16 for width in channels)  # padded to whole vectors
    layer = residual * 2 * wide_half + half * wide_skip
    a_step = 32 * wide_residual + 4 * layer + 3 * half * wide_residual + skip * (wide_skip + 256)
    past = residual * 2 * wide_half * (18 + 6 + 2 + 9)  # a block each
    assert replay.floats == 18 * a_step + past
    replay.read(3)


@needs_extension
def test_rounds_must_be_positive():
    with pytest.raises(UserError, match="`rounds=0`: give one at least"):
        bench("A", rounds=0)


def test_a_bounds_turn_comes_right_after_what_it_bounds():
    rows = [("cpu", 1, 1), ("cpu", 1, 32), ("cpu", 2, 1), (REPLAY, 1, 1), (MULTIPLY_ADDS, 1, 1), ("torch", 1, 1)]
    contenders = [bench_module.Contender(name, "float32", threads, streams, print) for name, threads, streams in rows]
    assert bench_module._order(contenders) == [0, 3, 1, 4, 2, 5]
    assert bench_module._order(contenders[5:]) == [0]

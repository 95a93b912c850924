"""The benchmark measures what it says: its peers compute the model, its bounds read all that a step needs."""

import itertools
import sys

import lively
import numpy as np
import pytest
import tiny
import torch

import wavegen.bench as bench_module
from wavegen.bench import CONFIGURATIONS, LOOP, MULTIPLY_ADDS, REPLAY, bench, configuration
from wavegen.bench.peers import PEERS, OnnxRuntime, TorchLoop
from wavegen.engine import native
from wavegen.engine.packing import engine_arguments, extension
from wavegen.errors import UserError

needs_extension = pytest.mark.skipif(native.missing() is not None, reason="the C++ engine is not installed")


@pytest.mark.parametrize("shape", ["odd", "kernel-3", "one-layer"])
@pytest.mark.parametrize("peer", [TorchLoop, OnnxRuntime])
def test_peers_compute_the_model(peer, shape):
    model, streams = lively.wavenet(shape), 1 if peer is OnnxRuntime else 2
    assert peer.missing(model) is None
    loop, symbols = peer(model, streams), torch.randint(0, 256, (streams, 40), generator=torch.manual_seed(0))
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
    model = tiny.mu_law_model(name="wavenet", residual_channels=6, gate_channels=10, skip_channels=7, dilations=(1, 2))
    assert PEERS[name].missing(model) is None
    PEERS[name](model, 1).run(20)


def test_peers_say_what_they_cannot_run(monkeypatch):
    gru, odd = tiny.mu_law_model(name="gru", hidden_size=3), lively.wavenet("odd")
    for peer in PEERS.values():
        assert "runs WaveNets" in str(peer.missing(gru))
        assert "runs WaveNets" in str(peer.missing(lively.combined("logistics")))
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
    monkeypatch.setattr(bench_module, "TURN_SECONDS", 0.004)


@needs_extension
@pytest.mark.filterwarnings("ignore")
def test_a_run_holds_every_engine_and_its_ratios(hasty, monkeypatch):
    small = tiny.mu_law_model(
        name="wavenet", residual_channels=16, gate_channels=32, skip_channels=16, dilations=(1, 2, 4)
    )
    monkeypatch.setattr(bench_module, "configuration", lambda name: small)
    result = bench("A", rounds=2)
    rows = {(row["engine"], row["precision"], row["streams"]) for row in result["rows"]}
    for precision, streams in itertools.product(("float32", "bfloat16", "int8"), (1, 32)):
        assert ("cpu", precision, streams) in rows
    assert {name for name, _, _ in rows} == {"cpu", REPLAY, MULTIPLY_ADDS, *PEERS}
    assert all(0 < row["low"] <= row["samples_per_second"] <= row["high"] for row in result["rows"])
    ratios = {(ratio["a"], ratio["b"]): ratio for ratio in result["ratios"]}
    for a, b in [
        ("cpu float32", f"{LOOP} float32"),
        ("cpu float32", f"{REPLAY} float32"),
        ("cpu float32, 32 streams", f"{MULTIPLY_ADDS} float32"),
        ("cpu float32", "ONNX Runtime float32"),
        ("cpu int8", "wavenet-vocoder float32"),
    ]:
        assert 0 < ratios[a, b]["low"] <= ratios[a, b]["ratio"] <= ratios[a, b]["high"]
    assert result["missing"] == []


@needs_extension
def test_a_recurrent_model_names_the_peers_that_are_missing(hasty, monkeypatch):
    monkeypatch.setattr(bench_module, "load", lambda path: lively.combined("gru"))
    result = bench("model.safetensors", rounds=1)
    assert {row["engine"] for row in result["missing"]} == set(PEERS)
    assert {row["engine"] for row in result["rows"]} == {"cpu", REPLAY, MULTIPLY_ADDS}


@needs_extension
def test_a_replay_reads_every_weight_that_a_step_needs():
    model = lively.wavenet("odd")
    engine = extension().Engine(**engine_arguments(model, "float32", "noting"), streams=1, threads=1)
    engine.generate(16, np.zeros(1, np.uint64), 1.0, 1.0)
    replay = extension().replay(engine, 18)  # of dilations 1, 3, 9 and 2: whole blocks of each
    network, padded = model.network, lambda width: -(-width // 16) * 16
    residual, half, skip = network.residual_channels, network.gate_channels // 2, network.skip_channels
    layer = residual * 2 * padded(half) + half * padded(skip)
    a_step = 32 * padded(residual) + 4 * layer + 3 * half * padded(residual) + skip * (padded(skip) + 256)
    past = residual * 2 * padded(half) * (18 + 6 + 2 + 9)  # a block each
    assert replay.floats == 18 * a_step + past
    replay.read(3)


@needs_extension
def test_rounds_must_be_positive():
    with pytest.raises(UserError, match="0 rounds"):
        bench("A", rounds=0)

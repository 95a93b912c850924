import json

import pytest
import torch

from wavegen.benchmarking import configurations, training
from wavegen.benchmarking.conv_loop import ConvLoop
from wavegen.cli.main import main
from wavegen.models.audio import AudioModel
from wavegen.models.forms import AudioForm
from wavegen.system import machine
from wavegen.training.learner import BitsOf
from wavegen.training.windows import Windows

SMALL = {"residual_channels": 6, "gate_channels": 10, "skip_channels": 7, "front_kernel_size": 3}


@pytest.fixture(params=[2, 3])
def model(request):
    torch.manual_seed(4)
    network = {"name": "wavenet", **SMALL, "kernel_size": request.param, "dilations": [1, 3, 2]}
    settings = {"codec": {"name": "mu-law"}, "distribution": {"name": "categorical"}, "network": network}
    return AudioModel.from_settings(settings, AudioForm(8000))


@pytest.fixture
def windows():
    pcm = torch.randint(-9000, 9000, (900,), generator=torch.Generator().manual_seed(1)).short().numpy()
    return Windows([pcm], window=50, context=20, batch_size=4, seed=0)


def test_the_loop_is_the_same_network_and_its_loss_the_same_bits(model, windows):
    loop = ConvLoop(model, windows)
    pcm, before, _ = windows.batch(0)
    symbols = model.encode(torch.cat([before.unsqueeze(1), pcm], dim=1))
    logits = loop.params(symbols[:, :-1]).transpose(1, 2)
    params = model.params(pcm, model.initial_state(len(pcm), before))[0]
    torch.testing.assert_close(logits, params, rtol=1e-4, atol=1e-5)


def test_steps_of_the_loop_lower_the_bits_of_the_model_it_gives(model, windows):
    def bits() -> float:
        return BitsOf(model)(*windows.batch(0)).item()

    before = bits()
    loop = ConvLoop(model, windows)
    for _ in range(30):
        loop.take_step()
    assert bits() == before, "the loop has weights of its own"
    assert loop.trained() is model
    assert bits() < before - 5
    pcm, first, _ = windows.batch(0)
    symbols = model.encode(torch.cat([first.unsqueeze(1), pcm], dim=1))
    params = model.params(pcm, model.initial_state(len(pcm), first))[0]
    torch.testing.assert_close(loop.params(symbols[:, :-1]).transpose(1, 2), params, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("supported", [True, False])
def test_rows_ratios_and_what_is_missing(supported, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(machine, "multiplies_bfloat16", lambda: supported)
    monkeypatch.setitem(configurations.CONFIGURATIONS, "A", (4, 6, 1))
    monkeypatch.setattr(training, "WINDOW", 64)
    assert main(["bench", "--training", "--rounds", "2", "--json", "--plot", str(tmp_path / "bars.png")]) == 0
    told = json.loads(capsys.readouterr().out)
    names = [(row["engine"], row["precision"]) for row in told["rows"]]
    own = [("wavegen", "float32"), ("wavegen", "bfloat16")][: 1 + supported]
    assert names == [("Conv1d loop", "float32"), *own]
    assert [ratio["a"] for ratio in told["ratios"]] == [f"{engine} {precision}" for engine, precision in own]
    assert [each["engine"] for each in told["missing"]] == ([] if supported else ["wavegen bfloat16"])
    assert told["window"] == 64 + 1023
    for row in told["rows"]:
        assert row["low"] <= row["samples_per_second"] <= row["high"]
        assert 6 < row["bits_per_sample"] < 16
    assert (tmp_path / "bars.png").read_bytes().startswith(b"\x89PNG")


def test_only_a_configuration_is_trained(capsys):
    assert main(["bench", "allison", "--training"]) == 2
    assert capsys.readouterr().err == "wavegen: allison: training is timed with a configuration; known: A, B, C\n"

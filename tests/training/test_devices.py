"""What of training on a GPU can be tested without one: where tensors are, and which are rounded to bfloat16."""

import pytest
import small_models
import small_trainings
import torch

from wavegen.errors import UserError
from wavegen.models.audio import AudioModel
from wavegen.models.forms import AudioForm
from wavegen.models.networks import NETWORKS, stack
from wavegen.training.distributed import together
from wavegen.training.learner import BitsOf
from wavegen.training.recipe import parse_recipe
from wavegen.training.trainer import Trainer

PARTS = [
    ("mu-law", "categorical", 0),
    ("mu-law", "mixture-of-gaussians", 0),
    ("linear", "mixture-of-logistics", 0),
    ("linear", "mixture-of-logistics", 5),
]


@pytest.mark.parametrize("network", sorted(NETWORKS))
@pytest.mark.parametrize(("codec", "distribution", "taps"), PARTS)
def test_nothing_of_a_step_stays_on_the_cpu(codec, distribution, taps, network):
    """A tensor of another device than the model's would raise."""
    tables = {"codec": {"name": codec}, "distribution": {"name": distribution}, "network": {"name": network}}
    tables |= {"predictor": {"name": "linear", "taps": taps}} if taps else {}
    recipe = parse_recipe(tables | {"training": {"steps": 1}}, "test")
    model = AudioModel.from_settings(recipe.model, AudioForm(8000)).to("meta")
    pcm = torch.zeros(2, 64, dtype=torch.int64, device="meta")
    before = torch.zeros(2, dtype=torch.int64, device="meta")
    bits = BitsOf(model)(pcm, before, torch.ones(2, 64, dtype=torch.bool, device="meta"))
    bits.backward()
    assert bits.device.type == "meta"
    assert all(weight.grad is not None for weight in model.parameters())


def test_bfloat16_is_inside_the_layers_only(monkeypatch):
    monkeypatch.setattr(stack, "available", lambda *_: False)  # a GPU's way
    network = small_models.mu_law_model(name="wavenet", **small_trainings.NETWORKS["wavenet"]).network
    seen: dict[str, tuple[torch.dtype, torch.dtype]] = {}

    def hook(name):
        def see(_, given, made):
            first = made[0] if isinstance(made, tuple) else made
            seen[name] = (given[0].dtype, first.dtype)

        return see

    for name, module in network.named_modules():
        module.register_forward_hook(hook(name))
    inputs = torch.randn(2, 50, network.input_channels)
    plain = network(inputs)[0]
    assert {dtype for pair in seen.values() for dtype in pair} == {torch.float32}
    seen.clear()
    network.bfloat16_layers = True
    params = network(inputs)[0]
    half, single = torch.bfloat16, torch.float32
    for layer in range(3):
        assert seen[f"gates.{layer}"] == (single, half), "the residual stream comes in unrounded"
    for layer in range(2):
        assert seen[f"residuals.{layer}"] == (half, half)
    for name in ("front", "skip", "head", "output"):
        assert seen[name] == (single, single)
    assert params.dtype == single
    assert not torch.equal(params, plain)
    assert torch.allclose(params, plain, atol=0.02)
    params.sum().backward()
    gradients = [weight.grad for weight in network.parameters()]
    assert {None if each is None else each.dtype for each in gradients} == {single}


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_a_gpu_compiles_the_network_and_rounds_its_layers_and_the_average_stays_as_it_is(kind, tmp_path, monkeypatch):
    learner = Trainer(small_trainings.recipe(bfloat16=None), small_trainings.make_corpus(tmp_path), tmp_path).learner
    monkeypatch.setattr(AudioModel, "device", torch.device(kind))
    learner.connect()
    network, average = learner.model.network, learner.average.network
    assert network.bfloat16_layers == (kind == "cuda")
    assert (network._compiled_call_impl is not None) == (kind == "cuda")
    assert not average.bfloat16_layers, "what is validated and kept is what will be scored"
    assert average._compiled_call_impl is None
    assert learner.copied().average.network._compiled_call_impl is None


def test_more_processes_than_gpus_get_one_line(monkeypatch):
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK"):
        monkeypatch.setenv(name, "2" if name == "WORLD_SIZE" else "1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UserError, match="process 1 of this machine has no GPU, there are 1; lower"), together():
        pass

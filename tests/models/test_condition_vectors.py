"""Vectors of conditions in networks: by sample, by frame or for all; zeros change nothing; one a frame is computed."""

import pytest
import small_models
import torch
from torch.utils.flop_counter import FlopCounterMode

from wavegen.models.conditioning import Condition
from wavegen.models.networks import NETWORKS


@pytest.mark.parametrize("name", small_models.NAMES)
def test_a_row_for_each_sample_is_a_row_for_each_frame_and_one_for_all(name):
    network = small_models.network(name, condition_channels=5)
    rows = torch.randn(2, 7, 5, dtype=torch.float64)
    frame = torch.tensor([[0] * 4 + [1] * 9 + [2] * 12 + [6] * 5, [3] * 21 + [4] * 1 + [5] * 8])
    inputs = torch.randn(2, 30, 3, dtype=torch.float64)
    by_frame, _ = network(inputs, None, Condition(rows, frame))
    by_sample = torch.stack([rows[row, frame[row]] for row in range(2)])
    expected, _ = network(inputs, None, Condition(by_sample, torch.arange(30).expand(2, -1)))
    assert torch.allclose(by_frame, expected, atol=1e-12)
    one, _ = network(inputs, None, Condition(rows[:, :1]))
    expected, _ = network(inputs, None, Condition(rows, torch.zeros(2, 30).long()))
    assert torch.allclose(one, expected, atol=1e-12)
    assert not torch.allclose(one, by_frame, atol=1e-3)


@pytest.mark.parametrize("name", small_models.NAMES)
def test_a_condition_that_adds_nothing_leaves_the_network_as_it_was(name):
    network = small_models.network(name, condition_channels=5)
    plain = small_models.network(name)
    plain.load_state_dict({key: value for key, value in network.state_dict().items() if "conditions" not in key})
    with torch.no_grad():
        for layer in network.conditions:
            layer.weight.zero_()
    inputs = torch.randn(2, 30, 3, dtype=torch.float64)
    rows = Condition(torch.randn(2, 1, 5, dtype=torch.float64))
    assert torch.allclose(network(inputs, None, rows)[0], plain(inputs)[0], atol=1e-12)


@pytest.mark.parametrize("name", small_models.NAMES)
def test_a_network_without_conditions_starts_as_it_always_has(name):
    """The maps of conditions are drawn last."""
    kind = NETWORKS[name.split("-")[0]]
    settings = small_models.SETTINGS[name]
    torch.manual_seed(5)
    plain = kind(3, 4, **settings).state_dict()
    torch.manual_seed(5)
    conditioned = kind(3, 4, 6, **settings).state_dict()
    added = [key for key in conditioned if key.startswith("conditions.")]
    assert len(added) == len(conditioned) - len(plain) > 0
    assert all(torch.equal(conditioned[key], plain[key]) for key in plain)


@pytest.mark.parametrize("name", small_models.NAMES)
def test_vectors_are_computed_once_a_frame(name):
    """One frame for all samples costs what the config says, and no more."""
    network = small_models.network(name, condition_channels=5)
    inputs = torch.randn(1, 60, 3, dtype=torch.float64)
    counts = []
    for condition in (None, Condition(torch.randn(1, 2, 5, dtype=torch.float64), torch.arange(60)[None] // 30)):
        with FlopCounterMode(display=False) as counted:
            network(inputs, None, condition)
        counts.append(counted.get_total_flops() // 2)
    often = 60 if network.name in ("gru", "lstm") else 2  # no cell of torch takes vectors: these compute them each time
    assert counts[1] - counts[0] == often * network.config.condition_macs

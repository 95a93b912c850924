from typing import Any

import pytest
import small_models
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode
from wavenet_vocoder import WaveNet as IndependentWaveNet

from wavegen.models.networks import WaveNet

FINITE = [name for name in small_models.NAMES if small_models.network(name).receptive_field is not None]


def visible(network, length: int, t: int) -> list[int]:
    """The input steps that params[:, t] depends on."""
    inputs = torch.randn(1, length, network.input_channels, dtype=torch.float64, requires_grad=True)
    params, _ = network(inputs)
    (gradient,) = torch.autograd.grad(params[0, t].abs().sum(), inputs)
    return gradient[0].abs().sum(dim=1).nonzero().flatten().tolist()


@pytest.mark.parametrize("name", FINITE)
def test_sees_its_receptive_field_and_nothing_else(name):
    network = small_models.network(name)
    # A frame model sees most from the last step of a frame.
    t = (network.receptive_field // network.alignment + 2) * network.alignment - 1
    seen = visible(network, t + 9, t)
    assert seen[0] == t - network.receptive_field + 1
    assert seen[-1] == t


@pytest.mark.parametrize("name", ["wavenet", "wavenet-kernel-3", "wavenet-front"])
def test_wavenet_sees_exactly_the_sums_of_its_taps(name):
    network = small_models.network(name)
    reach = set(range(network.front_kernel_size))
    for dilation in network.dilations:
        reach = {delay + tap * dilation for delay in reach for tap in range(network.kernel_size)}
    t = network.receptive_field + 3
    assert visible(network, t + 9, t) == sorted(t - delay for delay in reach)


@pytest.mark.parametrize("context_frames", [0, 2])
def test_nade_sees_the_places_before_in_its_frame_and_the_frames_of_its_context(context_frames):
    network = small_models.network("nade-context" if context_frames else "nade")
    frame_size = network.frame_size
    for offset in range(frame_size):
        t = 4 * frame_size + offset
        first = t - offset - context_frames * frame_size + 1
        assert visible(network, t + 7, t) == list(range(first, t + 1))


@pytest.mark.parametrize("name", ["markov", "markov-linear"])
def test_markov_sees_as_many_inputs_as_its_order_says(name):
    network = small_models.network(name)
    assert visible(network, 20, 11) == list(range(12 - network.order, 12))


def test_markov_is_a_perceptron_over_its_last_inputs():
    network = small_models.network("markov")
    inputs = torch.randn(1, 9, 3, dtype=torch.float64)
    x = network.front.taps(inputs[0, 9 - network.order :].flatten())
    for layer in network.layers:
        x = torch.where(x > 0, x, 0.0) @ layer.weight.T + layer.bias
    assert torch.allclose(network(inputs)[0][0, -1], x, atol=1e-12)


def test_markov_without_hidden_layers_is_linear():
    network = small_models.network("markov-linear")
    a, b = torch.randn(2, 1, 9, 3, dtype=torch.float64)
    zero, _ = network(torch.zeros_like(a))
    assert torch.allclose(network(a + 2 * b)[0] - zero, network(a)[0] - zero + 2 * (network(b)[0] - zero))


@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_a_recurrent_network_sees_its_whole_past_and_nothing_else(name):
    assert visible(small_models.network(name), 12, 8) == list(range(9))


@pytest.mark.parametrize("name", small_models.NAMES)
@settings(deadline=None, max_examples=30)
@given(cuts=st.lists(st.integers(1, 23), min_size=1, max_size=12))
def test_chunking_changes_nothing(name, cuts):
    network = small_models.network(name)
    inputs = torch.randn(2, sum(cuts), network.input_channels, dtype=torch.float64)
    whole, whole_state = network(inputs)
    pieces = []
    state = network.initial_state(2)
    for piece in inputs.split(cuts, dim=1):
        params, state = network(piece, state)
        pieces.append(params)
    assert torch.allclose(torch.cat(pieces, dim=1), whole, atol=1e-12)
    after = torch.randn(2, 7, network.input_channels, dtype=torch.float64)
    assert torch.allclose(network(after, state)[0], network(after, whole_state)[0], atol=1e-12)


@pytest.mark.parametrize("name", small_models.NAMES)
def test_stepping_is_teacher_forcing_from_the_first_sample_on(name):
    network = small_models.network(name)
    inputs = torch.randn(1, 60, network.input_channels, dtype=torch.float64)
    whole, _ = network(inputs)
    state = None
    for t in range(60):
        params, state = network(inputs[:, t : t + 1], state)
        assert torch.allclose(params[:, 0], whole[:, t], atol=1e-12)


@pytest.mark.parametrize("name", small_models.NAMES)
def test_rows_of_a_batch_do_not_see_each_other(name):
    network = small_models.network(name)
    inputs = torch.randn(3, 25, network.input_channels, dtype=torch.float64)
    together, _ = network(inputs)
    for row in range(3):
        assert torch.allclose(network(inputs[row : row + 1])[0], together[row : row + 1], atol=1e-12)


@pytest.mark.parametrize("name", small_models.NAMES)
def test_multiply_adds_are_those_that_torch_counts(name):
    network = small_models.network(name)
    with FlopCounterMode(display=False) as counted:
        network(torch.randn(1, 60, network.input_channels, dtype=torch.float64))
    assert network.macs_per_sample == counted.get_total_flops() // 2 // 60


@pytest.mark.parametrize(
    ("layers", "stacks", "kernel_size", "widths"), [(6, 2, 2, (24, 48, 40)), (4, 1, 3, (7, 10, 5))]
)
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_wavenet_agrees_with_an_independent_one(layers, stacks, kernel_size, widths):
    """`wavenet-vocoder` scales its residual stream by √½ a layer, which the copied weights undo."""
    residual_channels, gate_channels, skip_channels = widths
    torch.manual_seed(0)
    theirs = IndependentWaveNet(
        11,
        layers,
        stacks,
        residual_channels,
        gate_channels,
        skip_channels,
        kernel_size,
        dropout=0,
        weight_normalization=False,
        legacy=False,
    ).double()
    ours = WaveNet(
        11,
        11,
        residual_channels=residual_channels,
        gate_channels=gate_channels,
        skip_channels=skip_channels,
        kernel_size=kernel_size,
        dilations=[2**i for i in range(layers // stacks)] * stacks,
    ).double()
    x = torch.randn(2, 11, 150, dtype=torch.float64)
    theirs(x)  # its first layer's weight normalisation sets the weights as it runs
    copy_weights(theirs, ours)
    params, _ = ours(x.transpose(1, 2))
    difference = (params - theirs(x).transpose(1, 2)).abs().max()
    assert params.std() > 1e-3
    assert difference <= 1e-12


@torch.no_grad()
def copy_weights(theirs: Any, ours: Any) -> None:
    def copy(linear: torch.nn.Linear, conv: torch.nn.Conv1d, weight_scale: float, bias_scale: float) -> None:
        linear.weight.copy_(conv.weight.transpose(1, 2).reshape(linear.weight.shape) * weight_scale)
        assert conv.bias is not None
        conv.bias.normal_(std=0.3)
        linear.bias.copy_(conv.bias * bias_scale)

    copy(ours.front.taps, theirs.first_conv, 1, 1)
    for layer, theirs_layer in enumerate(theirs.conv_layers):
        scale = 2 ** (layer / 2)
        copy(ours.gates[layer].taps, theirs_layer.conv, 1 / scale, 1)
        if layer < len(ours.residuals):
            copy(ours.residuals[layer], theirs_layer.conv1x1_out, scale, scale)
    skips = [layer.conv1x1_skip for layer in theirs.conv_layers]
    for skip in skips:
        skip.bias.normal_(std=0.3)
    ours.skip.weight.copy_(torch.cat([skip.weight.squeeze(2) for skip in skips], dim=1))
    ours.skip.bias.copy_(torch.stack([skip.bias for skip in skips]).sum(0))
    copy(ours.head, theirs.last_conv_layers[1], 1, 1)
    copy(ours.output, theirs.last_conv_layers[3], 1, 1)

"""The gated stack with its own backward pass is what the layers one by one are, their readable twin."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen.models.conditioning import Condition
from wavegen.models.networks import WaveNet, stack

native = pytest.importorskip("wavegen_native", reason="the C++ engine is not installed")


def drawn_network(data) -> WaveNet:
    torch.manual_seed(data.draw(st.integers(0, 2**32)))
    width = st.integers(1, 35)
    return WaveNet(
        3,
        5,
        residual_channels=data.draw(width),
        gate_channels=2 * data.draw(width),
        skip_channels=data.draw(width),
        kernel_size=data.draw(st.integers(2, 4)),
        front_kernel_size=data.draw(st.integers(1, 3)),
        dilations=data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=6)),
        condition_channels=data.draw(st.sampled_from([0, 4])),
    )


def drawn_condition(data, network, batch, time) -> Condition | None:
    """Rows of which some have no samples; or one row for all samples."""
    if not network.condition_channels:
        return None
    rows = torch.randn(batch, data.draw(st.integers(1, 5)), network.condition_channels)
    if rows.shape[1] == 1 and data.draw(st.booleans()):
        return Condition(rows)
    frame = torch.randint(rows.shape[1], (batch, time)).sort(dim=1).values
    return Condition(rows, frame)


def run(network, inputs, state, weights, condition=None):
    """Parameters, the gradients of inputs, condition and weights, and the next state."""
    network.zero_grad()
    network.own_backward = True
    given = [inputs.clone().requires_grad_()]
    if condition is not None:
        given.append(condition.rows.clone().requires_grad_())
        condition = condition._replace(rows=given[1])
    params, after = network(given[0], state, condition)
    (params * weights).sum().backward()
    gradients = [tensor.grad.clone() for tensor in (*given, *network.parameters())]
    return params.detach(), gradients, after


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_values_gradients_and_states_are_those_of_the_layers(data):
    network = drawn_network(data)
    batch = data.draw(st.integers(1, 3))
    inputs = torch.randn(batch, data.draw(st.integers(1, 40)), 3)
    state = tuple(torch.randn_like(past) for past in network.initial_state(batch))
    weights = torch.randn(batch, inputs.shape[1], 5)
    condition = drawn_condition(data, network, batch, inputs.shape[1])
    used = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stack, "gated_stack", lambda *given, inner=stack.gated_stack: used.append(1) or inner(*given))
        params, gradients, after = run(network, inputs, state, weights, condition)
        patched.setattr(stack, "available", lambda *_: False)
        expected = run(network, inputs, state, weights, condition)
    assert used == [1], "the second time it is the layers"
    torch.testing.assert_close(params, expected[0], rtol=1e-4, atol=1e-5)
    for gradient, other in zip(gradients, expected[1], strict=True):
        torch.testing.assert_close(gradient, other, rtol=1e-3, atol=1e-4 * float(other.abs().max()) + 1e-6)
    assert all(torch.equal(a, b) for a, b in zip(after[:2], expected[2][:2], strict=True))
    for past, other in zip(after, expected[2], strict=True):
        torch.testing.assert_close(past, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("channels", [0, 16])
def test_bfloat16_is_as_near_as_the_layers_in_bfloat16_are(channels, monkeypatch):
    """The gradient's error against float32 is no more than a tenth larger than autocast's."""
    torch.manual_seed(3)
    network = WaveNet(4, 6, channels, dilations=[2**i for i in range(8)])
    inputs = torch.randn(2, 400, 4)
    weights = torch.randn(2, 400, 6)
    state = network.initial_state(2)
    frames = torch.arange(400).expand(2, -1) // 100
    condition = Condition(torch.randn(2, 4, channels), frames) if channels else None
    exact = torch.cat([gradient.flatten() for gradient in run(network, inputs, state, weights, condition)[1]])
    network.bfloat16_layers = True
    errors = []
    for fast in (True, False):
        if not fast:
            monkeypatch.setattr(stack, "available", lambda *_: False)
        params, gradients, _ = run(network, inputs, state, weights, condition)
        assert params.dtype == torch.float32
        assert {gradient.dtype for gradient in gradients} == {torch.float32}
        errors.append(float((torch.cat([gradient.flatten() for gradient in gradients]) - exact).norm() / exact.norm()))
    assert 1e-4 < errors[0] < 1.1 * errors[1] < 0.06


def test_what_adds_up_stays_in_float32():
    """A stream of large values keeps the small changes of its layers, which bfloat16 would swallow."""
    network = WaveNet(1, 1, residual_channels=1, gate_channels=2, skip_channels=1, dilations=[1, 1])
    values = {"front.taps.bias": 256.3, "gates.0.taps.bias": 1.0, "residuals.0.weight": 0.5}
    with torch.no_grad():
        for name, weight in network.named_parameters():
            weight.fill_(values.get(name, 0.0))
    network.bfloat16_layers = network.own_backward = True
    _, state = network(torch.zeros(1, 8, 1), None)
    assert float(state[2][0, -1, 0]) == pytest.approx(256.3 + 0.5 * np.tanh(1) / (1 + np.exp(-1)), abs=2e-3)


def test_what_comes_in_is_left_as_it_was():
    network = WaveNet(1, 1, dilations=[1, 2])
    x = torch.randn(1, 9, network.residual_channels, requires_grad=True)
    before = x.detach().clone()
    network._fast(x, network.initial_state(1)[1:], None)
    assert torch.equal(x, before)


def test_the_gradient_is_made_once_only():
    network = WaveNet(1, 1, dilations=[1, 2])
    network.own_backward = True
    inputs = torch.randn(1, 9, 1, requires_grad=True)
    (gradient,) = torch.autograd.grad(network(inputs)[0].sum(), inputs, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.square().sum().backward()
    total = network(torch.randn(1, 9, 1))[0].sum()
    total.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="one backward pass"):
        total.backward()


@pytest.mark.parametrize(
    "why", ["nobody asked", "no gradient is wanted", "float64", "a past that is trained", "no extension"]
)
def test_elsewhere_the_layers_do_the_work(why, monkeypatch):
    network = WaveNet(1, 1, dilations=[1, 2])
    inputs = torch.randn(1, 9, 1)
    state = list(network.initial_state(1))
    if why == "float64":
        network = network.double()
        inputs = inputs.double()
        state = [past.double() for past in state]
    if why == "a past that is trained":
        state[2].requires_grad_()
    if why == "no extension":
        monkeypatch.setattr(stack, "_extension", lambda: None)
    network.own_backward = why != "nobody asked"
    monkeypatch.setattr(stack, "gated_stack", None)
    with torch.set_grad_enabled(why != "no gradient is wanted"):
        network(inputs, tuple(state))


def rounded(values: torch.Tensor, bfloat16: bool) -> np.ndarray:
    return values.bfloat16().view(torch.uint16).numpy() if bfloat16 else values.numpy()


def exact(values: np.ndarray) -> torch.Tensor:
    given = torch.from_numpy(values)
    return (given.view(torch.bfloat16) if values.dtype == np.uint16 else given).double()


@pytest.mark.parametrize("bfloat16", [False, True])
@pytest.mark.parametrize("width", [1, 7, 16, 33, 64])
def test_gates_and_their_gradient_against_float64_and_alike_everywhere(width, bfloat16):
    torch.manual_seed(width)
    gates = rounded(torch.randn(21, 2 * width) * 4, bfloat16)
    given = rounded(torch.randn(21, 2 * width + 3), bfloat16)[:, 1 : width + 1]
    inputs = exact(gates).requires_grad_()
    z = torch.tanh(inputs[:, :width]) * torch.sigmoid(inputs[:, width:])
    z.backward(exact(given.copy()))
    assert inputs.grad is not None
    error = 2**-8 if bfloat16 else 3e-6
    results = []
    for isa in native.instruction_sets():
        for threads in (1, 2, 30):
            wide = np.zeros((21, width + 5), gates.dtype)
            native.gated_activation(gates, wide[:, 2 : width + 2], threads, isa=isa)
            gradient = gates.copy()
            native.gates_gradient(gradient, given, threads, isa=isa)
            results.append((wide, gradient))
    wide, gradient = results[0]
    assert not wide[:, :2].any()
    assert not wide[:, width + 2 :].any()
    torch.testing.assert_close(exact(wide[:, 2 : width + 2].copy()), z.detach(), rtol=error, atol=1e-6)
    torch.testing.assert_close(exact(gradient), inputs.grad, rtol=error, atol=1e-6)
    assert all(np.array_equal(wide, a) and np.array_equal(gradient, b) for a, b in results)


@pytest.mark.parametrize("bits", [0x7FFFFFFF, 0xFFFFFFFF, 0x7F800001])
def test_what_is_not_a_number_stays_so_in_bfloat16(bits):
    gates = np.array([[0x3F80, 0x3F80]], np.uint16)
    nan = np.array([[bits >> 16 | 1]], np.uint16)
    native.gates_gradient(gates, nan, 1)
    assert torch.isnan(exact(gates)).all()


def test_arrays_that_do_not_fit_are_refused():
    gates, z = np.zeros((4, 6), np.float32), np.zeros((4, 3), np.float32)
    for wrong, words in (
        ((gates[:, :5], z[:, :2], 1), "even number"),
        ((gates, z[:3], 1), "z has shape"),
        ((gates[:, ::2], z[:, :1], 1), "even number|side by side"),
        ((np.zeros((4, 8), np.float32)[:, :6], z, 1), "one after another"),
        ((gates, np.zeros((4, 6), np.float32)[:, ::2], 1), "side by side"),
        ((gates, np.lib.stride_tricks.as_strided(z, (4, 3), (4, 4)), 1), "overlap"),
        ((gates, z, 0), "threads is 0"),
    ):
        for function in (native.gated_activation, native.gates_gradient):
            with pytest.raises(ValueError, match=words):
                function(*wrong)
    with pytest.raises(TypeError):
        native.gated_activation(gates.astype(np.float64), z.astype(np.float64), 1)

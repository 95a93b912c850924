import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen.distributions import Categorical


@settings(deadline=None)
@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=2, max_size=300))
def test_categorical_against_float64_symbol_by_symbol(logits):
    params = torch.tensor(logits, requires_grad=True)
    distribution = Categorical(len(logits))
    log_prob = distribution.log_prob(params.expand(len(logits), -1), torch.arange(len(logits)))
    exact = params.double() - torch.logsumexp(params.double(), 0)
    assert torch.all((log_prob - exact).abs() <= 1e-4 * exact.abs().clamp(min=1))
    assert abs(log_prob.double().exp().sum() - 1) <= 1e-6
    assert torch.allclose(distribution.probabilities(params.double()), exact.exp(), atol=1e-12)
    (gradient,) = torch.autograd.grad(log_prob.sum(), params)
    assert gradient.isfinite().all()


def test_temperature_raises_probabilities_to_its_inverse():
    params = torch.randn(50, dtype=torch.float64)
    distribution = Categorical(50)
    powered = distribution.probabilities(params) ** (1 / 0.7)
    assert torch.allclose(distribution.probabilities(params, 0.7), powered / powered.sum())

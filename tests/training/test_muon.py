"""Which weights Muon takes, and what its steps are."""

import pytest
import small_models
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen.training.muon import Muon, optimizers, orthogonalised


@settings(deadline=None, max_examples=30)
@given(rows=st.integers(1, 12), columns=st.integers(1, 12), size=st.floats(1e-6, 1e6), seed=st.integers(0, 2**32))
def test_a_direction_keeps_its_singular_vectors_and_loses_its_singular_values(rows, columns, size, seed):
    torch.manual_seed(seed)
    rank = min(rows, columns)
    u, v = torch.linalg.qr(torch.randn(rows, rank).double())[0], torch.linalg.qr(torch.randn(columns, rank).double())[0]
    values = torch.linspace(1, 0.05, rank).double()
    (result,) = orthogonalised((size * (u * values) @ v.T).unsqueeze(0))
    inner = u.T @ result @ v
    assert torch.allclose(inner, torch.diag(inner.diagonal()), atol=1e-9)
    assert torch.all((inner.diagonal() > 0.6) & (inner.diagonal() < 1.3))


def test_steps_are_those_of_torch_up_to_its_bfloat16():
    torch.manual_seed(0)
    ours = [torch.nn.Parameter(torch.randn(shape)) for shape in ((8, 8), (16, 8), (8, 8), (8, 20))]
    theirs = [torch.nn.Parameter(weight.detach().clone()) for weight in ours]
    muon = Muon(ours, lr=0.1)
    reference = torch.optim.Muon(theirs, lr=0.1, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
    before = [weight.detach().clone() for weight in ours]
    for _ in range(3):
        for a, b in zip(ours, theirs, strict=True):
            a.grad = torch.randn_like(a)
            b.grad = a.grad.clone()
        muon.step()
        reference.step()
    for a, b, start in zip(ours, theirs, before, strict=True):
        assert (a - b).norm() < 0.05 * (b - start).norm()


@pytest.mark.parametrize("name", small_models.NAMES)
def test_every_weight_has_one_optimizer_and_muon_has_inner_matrices(name):
    model = small_models.model(name)
    taken = [weight for one in optimizers(model, 1e-3) for group in one.param_groups for weight in group["params"]]
    assert len({id(weight) for weight in taken}) == len(taken) == len(list(model.parameters()))
    hidden = {id(weight) for weight in model.network.hidden_weights()}
    by_name = {parameter: weight for parameter, weight in model.network.named_parameters()}
    assert hidden <= {id(weight) for weight in by_name.values() if weight.dim() == 2}
    ends = [weight for parameter, weight in by_name.items() if parameter.startswith(("front", "output", "layers.2"))]
    assert not hidden & {id(weight) for weight in ends}

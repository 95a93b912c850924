"""Muon for hidden matrices, whose steps have the same size in every direction, and Adam for other weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from wavegen.models.density import Density

MOMENTUM = 0.95
COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of x ← a x + b x³ + c x⁵, which takes (0, 1] to about 1 in five rounds
ROUNDS = 5


def optimizers(model: Density, learning_rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the network's hidden matrices and Adam for all other weights."""
    hidden = model.network.hidden_weights()
    others = [weight for weight in model.parameters() if not any(weight is one for one in hidden)]
    adam = torch.optim.Adam(others, lr=learning_rate, betas=(0.9, 0.98))
    return [adam, Muon(hidden, learning_rate)] if hidden else [adam]


class Muon(torch.optim.Optimizer):
    """Momentum with Nesterov's look ahead, orthogonalised: W ← W − η · 0.2 √max(rows, columns) · U Vᵀ for M = U Σ Vᵀ.

    For matrices between hidden layers; Adam takes vectors and the matrices of the first and last layers. The
    factor gives updates of the size of Adam's, so that both take one learning rate. Jordan et al. (2024),
    "Muon: an optimizer for hidden layers in neural networks"; the factor is from Liu et al. (2025), "Muon is
    scalable for LLM training", section 2.2. `torch.optim.Muon` does the same one matrix at a time in bfloat16,
    which takes several times longer on a CPU; here matrices of one shape are one batch in their own precision.
    """

    def __init__(self, weights: Iterable[Tensor], lr: float):
        super().__init__(weights, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] (of overloads)
        """Moves every weight that has a gradient; `closure` is not supported."""
        for group in self.param_groups:
            shapes: dict[torch.Size, list[Tensor]] = {}
            for weight in group["params"]:
                if weight.grad is not None:
                    shapes.setdefault(weight.shape, []).append(weight)
            for (rows, columns), weights in shapes.items():
                size = group["lr"] * 0.2 * max(rows, columns) ** 0.5
                ahead = torch.stack([self._ahead(weight) for weight in weights])
                for weight, direction in zip(weights, orthogonalised(ahead), strict=True):
                    weight.add_(direction, alpha=-size)

    def _ahead(self, weight: Tensor) -> Tensor:
        gradient = weight.grad
        assert gradient is not None, "step skips weights without"
        state = self.state[weight]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(weight)
        state["momentum"].lerp_(gradient, 1 - MOMENTUM)
        return gradient.lerp(state["momentum"], MOMENTUM)


def orthogonalised(matrices: Tensor) -> Tensor:
    """U Vᵀ for each U Σ Vᵀ of (batch, rows, columns), singular values between about 0.7 and 1.2 in place of Σ.

    By the Newton–Schulz iteration X ← a X + (b X Xᵀ + c (X Xᵀ)²) X.
    """
    a, b, c = COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.transpose(1, 2) if tall else matrices
    x = x / (torch.linalg.matrix_norm(x, keepdim=True) + 1e-7)
    for _ in range(ROUNDS):
        square = x @ x.transpose(1, 2)
        x = a * x + (b * square + c * (square @ square)) @ x
    return x.transpose(1, 2) if tall else x

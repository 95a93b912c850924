"""Models of pictures small enough to check by brute force."""

from __future__ import annotations

from typing import Any

import torch

from wavegen.grid import Grid
from wavegen.networks2d import NETWORKS2D
from wavegen.picture_density import PictureModel

# One small network of each kind, with awkward widths.
SETTINGS: dict[str, dict[str, Any]] = {
    "nade": {"hidden_size": 5},
    "pixelcnn": {"hidden_channels": 7, "num_layers": 2, "first_kernel_size": 5},
    "gated-pixelcnn": {"hidden_channels": 7, "num_layers": 2, "first_kernel_size": 5},
    "row-lstm": {"hidden_channels": 5, "num_layers": 2},
    "diagonal-bilstm": {"hidden_channels": 5, "num_layers": 1},
}
NAMES = list(SETTINGS)


def model(name: str, grid: Grid, distribution: str = "categorical", seed: int = 1) -> PictureModel:
    """A float64 model whose distributions are far from uniform."""
    torch.manual_seed(seed)
    mixtures = {} if distribution == "categorical" else {"num_mixtures": 2}
    settings = {"distribution": {"name": distribution, **mixtures}, "network": {"name": name, **SETTINGS[name]}}
    made = PictureModel.from_settings(settings, grid).double().eval()
    with torch.no_grad():
        for weight in made.parameters():
            weight.copy_(torch.randn_like(weight) * (0.7 if weight.dim() > 1 else 0.3))
        spread = made.params(torch.randint(grid.levels, (50, grid.dimensions))).std()
        for parameter, weight in made.network.named_parameters():
            if parameter.startswith("output"):  # far from uniform, and as far from certain
                weight *= 1.2 / spread
    return made


def network(name: str, height: int, width: int, channels: int = 1) -> Any:
    return model(name, Grid(height, width, channels, 3)).network


def settings_of(name: str) -> list[str]:
    """`--set` for a recipe, so that its network is the small one."""
    return [word for key, value in SETTINGS[name].items() for word in ("--set", f"network.{key}={value}")]


assert set(SETTINGS) == set(NETWORKS2D), "every network of pictures has a small one"

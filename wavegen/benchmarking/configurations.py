"""Untrained models of fixed sizes to measure with."""

from __future__ import annotations

from pathlib import Path

import torch

from wavegen.assets import pretrained
from wavegen.errors import UserError, nearest
from wavegen.models.audio import AudioModel
from wavegen.models.checkpoint import load
from wavegen.models.forms import AudioForm

SAMPLE_RATE = 8000
# residual, skip channels, stacks of dilations 1 … 512; kernel 2, gates twice as wide as the residual, 256 symbols
CONFIGURATIONS = {"A": (64, 128, 2), "B": (64, 256, 2), "C": (128, 256, 3)}


def model_named(what: str | Path) -> AudioModel:
    """The configuration or model of that name. Raises UserError if there is neither, with the nearest name or all."""
    if str(what) in CONFIGURATIONS:
        return configuration(str(what))
    known = [*CONFIGURATIONS, *pretrained.names()]
    if str(what) not in known and not Path(what).exists():
        raise UserError(f"{what}: no such file, nor a configuration or model of wavegen{nearest(str(what), known)}")
    return load(what)


def configuration(name: str) -> AudioModel:
    """One of the untrained CONFIGURATIONS."""
    residual, skip, stacks = CONFIGURATIONS[name]
    network = {
        "name": "wavenet",
        "residual_channels": residual,
        "gate_channels": 2 * residual,
        "skip_channels": skip,
        "kernel_size": 2,
        "dilations": [2**i for i in range(10)] * stacks,
    }
    torch.manual_seed(0)
    settings = {"codec": {"name": "mu-law"}, "distribution": {"name": "categorical"}, "network": network}
    return AudioModel.from_settings(settings, AudioForm(SAMPLE_RATE)).eval()

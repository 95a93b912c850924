"""The base of all networks, of audio and of pictures: settings as attributes, and how products are rounded."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import fields
from typing import Any, ClassVar, TypeAlias

import torch
from torch import Tensor, nn

from wavegen.models.configs.networks import NetworkConfig
from wavegen.models.configs.networks2d import Network2dConfig

State: TypeAlias = Any  # opaque to all but its owner: a tensor, or a nested tuple or list of tensors


class BaseNetwork(nn.Module, ABC):
    """A network that `of` describes by sizes and settings; each of these is an attribute of the network too.

    `bfloat16_layers` and `own_backward` are set while training.
    """

    name: ClassVar[str]  # in a recipe
    of: ClassVar[Callable[..., NetworkConfig | Network2dConfig]]  # makes the config
    takes_bfloat16: ClassVar[bool] = False  # whether products inside its layers can be bfloat16
    bfloat16_layers = False
    own_backward = False  # faster on a CPU; only a WaveNet has one

    def __init__(self, *sizes: int, **settings: object):
        super().__init__()
        self.config = self.of(*sizes, **settings)
        for field in fields(self.config):
            setattr(self, field.name, getattr(self.config, field.name))

    @abstractmethod
    def hidden_weights(self) -> list[Tensor]:
        """The matrices between hidden layers, which Muon trains; Adam trains the rest."""

    def rounding(self, device: str) -> contextlib.AbstractContextManager[object]:
        """The precision of the products inside a layer; the residual stream they add to is never rounded."""
        return torch.autocast(device, torch.bfloat16) if self.bfloat16_layers else contextlib.nullcontext()

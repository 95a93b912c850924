"""Networks of audio by their settings: shapes of weights, multiply-adds of a step, receptive field.

The torch networks, model files and the C++ engine share these numbers.
"""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Le, MaxLen, MinLen, MultipleOf

Width = Annotated[int, Ge(1), Le(4096)]
Size = Annotated[int, Ge(1), Le(8192)]
Dilation = Annotated[int, Ge(1), Le(65536)]
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class NetworkConfig(ABC):
    """A network from `input_channels` to `num_params` numbers a sample; the settings are keyword-only.

    `condition_channels` are those of an encoded condition, 0 without one.
    """

    name: ClassVar[str]  # in a recipe

    input_channels: int
    num_params: int
    condition_channels: int = 0

    @property
    def alignment(self) -> int:
        """The frame size of a network that works in frames, else 1."""
        return 1

    @property
    @abstractmethod
    def receptive_field(self) -> int | None:
        """How many inputs the last parameters of a frame see at most; None: all."""

    @property
    @abstractmethod
    def condition_widths(self) -> tuple[int, ...]:
        """The width of each vector that a condition adds to the pre-activations."""

    @property
    @abstractmethod
    def layer_shapes(self) -> Shapes:
        """The shapes of the weights that are there without a condition too."""

    @property
    def shapes(self) -> Shapes:
        """The shape of every weight, by its name in the torch network's state dict."""
        if not self.condition_channels:
            return self.layer_shapes
        sizes = [(width, self.condition_channels) for width in self.condition_widths]
        return self.layer_shapes | {f"conditions.{index}.weight": size for index, size in enumerate(sizes)}

    @property
    def macs_per_sample(self) -> int:
        """Multiply-adds to step one sample: each matrix is used once, those of conditions left out."""
        return sum(math.prod(shape) for shape in self.layer_shapes.values() if len(shape) == 2)

    @property
    def condition_macs(self) -> int:
        """Multiply-adds from an encoded condition to its vectors, once a frame."""
        return self.condition_channels * sum(self.condition_widths)


@dataclass(frozen=True)
class WaveNetConfig(NetworkConfig):
    """A gated stack of dilated causal convolutions."""

    name: ClassVar[str] = "wavenet"

    _: KW_ONLY
    residual_channels: Width = 64
    gate_channels: Annotated[int, Ge(2), Le(8192), MultipleOf(2)] = 128
    skip_channels: Width = 128
    kernel_size: Annotated[int, Ge(2), Le(64)] = 2
    front_kernel_size: Annotated[int, Ge(1), Le(1024)] = 1
    dilations: Annotated[Sequence[Dilation], MinLen(1), MaxLen(256)] = tuple(2**i for i in range(10))

    def __post_init__(self) -> None:
        object.__setattr__(self, "dilations", tuple(self.dilations))  # a file's header has a list

    @property
    def receptive_field(self) -> int:
        return self.front_kernel_size + (self.kernel_size - 1) * sum(self.dilations)

    @property
    def condition_widths(self) -> tuple[int, ...]:
        return (self.gate_channels,) * len(self.dilations)

    @property
    def layer_shapes(self) -> Shapes:
        residual, gate, skip = self.residual_channels, self.gate_channels, self.skip_channels
        layers = len(self.dilations)
        shapes = _linear("front.taps", self.front_kernel_size * self.input_channels, residual)
        for layer in range(layers):
            shapes |= _linear(f"gates.{layer}.taps", self.kernel_size * residual, gate)
        for layer in range(layers - 1):  # the last has none
            shapes |= _linear(f"residuals.{layer}", gate // 2, residual)
        ends = {"skip": (layers * gate // 2, skip), "head": (skip, skip), "output": (skip, self.num_params)}
        return shapes | {key: shape for name, size in ends.items() for key, shape in _linear(name, *size).items()}


@dataclass(frozen=True)
class _RecurrentConfig(NetworkConfig):
    """A recurrent network with a perceptron on top."""

    gates: ClassVar[int]  # of a cell, each with its own rows in the weights

    _: KW_ONLY
    hidden_size: Size = 128
    num_layers: Annotated[int, Ge(1), Le(16)] = 1

    @property
    def receptive_field(self) -> None:
        return None

    @property
    def condition_widths(self) -> tuple[int, ...]:
        return (self.gates * self.hidden_size,)

    @property
    def layer_shapes(self) -> Shapes:
        hidden = self.hidden_size
        rows = self.gates * self.hidden_size
        shapes: Shapes = {}
        for layer in range(self.num_layers):
            shapes[f"cells.weight_ih_l{layer}"] = (rows, self.input_channels if layer == 0 else hidden)
            shapes[f"cells.weight_hh_l{layer}"] = (rows, hidden)
            shapes[f"cells.bias_ih_l{layer}"] = shapes[f"cells.bias_hh_l{layer}"] = (rows,)
        return shapes | _linear("head", hidden, hidden) | _linear("output", hidden, self.num_params)


@dataclass(frozen=True)
class GRUConfig(_RecurrentConfig):
    """Gated recurrent units."""

    name: ClassVar[str] = "gru"
    gates: ClassVar[int] = 3


@dataclass(frozen=True)
class LSTMConfig(_RecurrentConfig):
    """Long short-term memory."""

    name: ClassVar[str] = "lstm"
    gates: ClassVar[int] = 4


@dataclass(frozen=True)
class MarkovConfig(NetworkConfig):
    """A perceptron over the last `order` inputs."""

    name: ClassVar[str] = "markov"

    _: KW_ONLY
    order: Annotated[int, Ge(1), Le(4096)] = 64
    hidden_sizes: Annotated[Sequence[Size], MaxLen(16)] = (256, 128)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden_sizes", tuple(self.hidden_sizes))

    @property
    def receptive_field(self) -> int:
        return self.order

    @property
    def condition_widths(self) -> tuple[int, ...]:
        return ((*self.hidden_sizes, self.num_params)[0],)

    @property
    def layer_shapes(self) -> Shapes:
        sizes = (*self.hidden_sizes, self.num_params)
        shapes = _linear("front.taps", self.order * self.input_channels, sizes[0])
        for layer, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
            shapes |= _linear(f"layers.{layer}", inputs, outputs)
        return shapes


@dataclass(frozen=True)
class NADEConfig(NetworkConfig):
    """NADE over frames of audio."""

    name: ClassVar[str] = "nade"

    _: KW_ONLY
    frame_size: Annotated[int, Ge(2), Le(4096)] = 16
    hidden_size: Size = 128
    context_frames: Annotated[int, Ge(0), Le(256)] = 0

    @property
    def alignment(self) -> int:
        return self.frame_size

    @property
    def receptive_field(self) -> int:
        """Inputs that the last sample of a frame sees; earlier ones see fewer."""
        return (self.context_frames + 1) * self.frame_size - 1

    @property
    def condition_widths(self) -> tuple[int, ...]:
        return (self.hidden_size,)

    @property
    def layer_shapes(self) -> Shapes:
        frame, hidden, inputs = self.frame_size, self.hidden_size, self.input_channels
        shapes: Shapes = {
            "hidden": (frame - 1, inputs, hidden),
            "hidden_bias": (hidden,),
            "output": (frame, hidden, self.num_params),
            "output_bias": (frame, self.num_params),
        }
        if self.context_frames:
            shapes |= _linear("context", self.context_frames * frame * inputs, hidden)
            shapes["context_to_hidden.weight"] = (hidden, hidden)
            shapes["context_to_output.weight"] = (frame * self.num_params, hidden)
        return shapes

    @property
    def macs_per_sample(self) -> int:
        """Multiply-adds of a frame, divided by its samples."""
        used = [math.prod(s) for name, s in self.layer_shapes.items() if not name.endswith("bias")]
        return sum(used) // self.frame_size


def _linear(name: str, inputs: int, outputs: int) -> Shapes:
    """The weight and the bias of a `torch.nn.Linear`."""
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


NETWORK_CONFIGS: dict[str, type[NetworkConfig]] = {
    config.name: config for config in (WaveNetConfig, GRUConfig, LSTMConfig, NADEConfig, MarkovConfig)
}

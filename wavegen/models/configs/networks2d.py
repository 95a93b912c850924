"""Networks of pictures by their settings."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Le
from pydantic import AfterValidator


def _odd(size: int) -> int:
    if size % 2 == 0:
        raise ValueError(f"= {size}: should be odd, so that a pixel is in the middle")
    return size


Width = Annotated[int, Ge(4), Le(4096)]
Layers = Annotated[int, Ge(1), Le(256)]
OddSize = Annotated[int, Ge(3), Le(31), AfterValidator(_odd)]


@dataclass(frozen=True)
class Network2dConfig:
    """A network of pictures, whose channels have `levels` values, to `num_params` numbers a dimension.

    The settings are keyword-only.
    """

    name: ClassVar[str]  # in a recipe

    height: int
    width: int
    channels: int
    levels: int
    num_params: int


@dataclass(frozen=True)
class NADEConfig(Network2dConfig):
    """NADE over whole pictures."""

    name: ClassVar[str] = "nade"

    _: KW_ONLY
    hidden_size: Annotated[int, Ge(1), Le(8192)] = 500


@dataclass(frozen=True)
class _ConvolutionalConfig(Network2dConfig):
    """A stack of masked convolutions."""

    _: KW_ONLY
    hidden_channels: Width = 32
    num_layers: Layers = 7
    kernel_size: OddSize = 3
    first_kernel_size: OddSize = 7


@dataclass(frozen=True)
class PixelCNNConfig(_ConvolutionalConfig):
    """A stack of masked convolutions with a blind spot."""

    name: ClassVar[str] = "pixelcnn"


@dataclass(frozen=True)
class GatedPixelCNNConfig(_ConvolutionalConfig):
    """Two stacks, of the rows above and of the row itself."""

    name: ClassVar[str] = "gated-pixelcnn"


@dataclass(frozen=True)
class _PixelRNNConfig(Network2dConfig):
    """Residual LSTM layers that scan a picture."""

    _: KW_ONLY
    hidden_channels: Annotated[int, Ge(4), Le(1024)] = 16
    num_layers: Annotated[int, Ge(1), Le(64)] = 7


@dataclass(frozen=True)
class RowLSTMConfig(_PixelRNNConfig):
    """LSTMs that go from row to row."""

    name: ClassVar[str] = "row-lstm"


@dataclass(frozen=True)
class DiagonalBiLSTMConfig(_PixelRNNConfig):
    """LSTMs that go from diagonal to diagonal, from both upper corners."""

    name: ClassVar[str] = "diagonal-bilstm"


NETWORK2D_CONFIGS: dict[str, type[Network2dConfig]] = {
    config.name: config
    for config in (NADEConfig, PixelCNNConfig, GatedPixelCNNConfig, RowLSTMConfig, DiagonalBiLSTMConfig)
}

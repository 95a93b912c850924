"""Diagonal BiLSTM: a PixelRNN whose every layer sees all earlier pixels."""

from __future__ import annotations

from typing import ClassVar

from wavegen.models.configs.networks2d import DiagonalBiLSTMConfig
from wavegen.models.networks2d.lines import Span, Taps
from wavegen.models.networks2d.pixel_rnn import PixelRNN


class DiagonalBiLSTM(PixelRNN):
    """LSTMs that go from diagonal to diagonal, one from the upper left corner and one from the upper right.

    van den Oord et al. (2016), "Pixel recurrent neural networks", section 3.2. A pixel's state comes from its left
    (right) neighbour's and the upper neighbour's, both on the diagonal before. Skewing the picture, the paper's
    way to a diagonal, is here a stride: from row to row a diagonal's pixels are width ∓ 1 apart in the raster.
    """

    name: ClassVar[str] = DiagonalBiLSTMConfig.name
    of = DiagonalBiLSTMConfig
    taps: ClassVar[Taps] = Taps(inputs=(0,), states=(-1, 0))

    @staticmethod
    def spans(height: int, width: int) -> tuple[Span, ...]:
        return tuple(_diagonal(number, height, width) for number in range(height + width - 1))


def _diagonal(number: int, height: int, width: int) -> Span:
    """The pixels whose row and whose distance from the left (right) edge add up to `number`; positions are rows."""
    top = max(0, number - width + 1)
    bottom = min(height - 1, number)
    column = number - top
    from_left = (top * width + column, width - 1)
    from_right = (top * width + width - 1 - column, width + 1)
    return Span(top, bottom - top + 1, (from_left, from_right))

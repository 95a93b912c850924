"""Row LSTM: a PixelRNN whose context is the triangle above a pixel."""

from __future__ import annotations

from typing import ClassVar

from wavegen.models.configs.networks2d import RowLSTMConfig
from wavegen.models.networks2d.lines import Span, Taps
from wavegen.models.networks2d.pixel_rnn import PixelRNN


class RowLSTM(PixelRNN):
    """LSTMs that go from row to row, a convolution of three positions to and from the state.

    van den Oord et al. (2016), "Pixel recurrent neural networks", section 3.1. The convolution of the inputs is
    masked, so it has the pixel and its left neighbour.
    """

    name: ClassVar[str] = RowLSTMConfig.name
    of = RowLSTMConfig
    taps: ClassVar[Taps] = Taps(inputs=(-1, 0), states=(-1, 0, 1))

    @staticmethod
    def spans(height: int, width: int) -> tuple[Span, ...]:
        return tuple(Span(0, width, ((row * width, 1),)) for row in range(height))

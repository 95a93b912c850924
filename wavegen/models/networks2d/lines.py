"""The order in which an LSTM scans a picture, and the inputs of each line."""

from __future__ import annotations

import functools
from typing import NamedTuple


class Taps(NamedTuple):
    """Offsets of the inputs of position p, from p on its own line, and of the states, from p on the line before."""

    inputs: tuple[int, ...]
    states: tuple[int, ...]


class Span(NamedTuple):
    """Positions `first` … `first + length − 1` of a line.

    `pixels` are for each direction the first one's index and the stride among the raster's height · width pixels.
    """

    first: int
    length: int
    pixels: tuple[tuple[int, int], ...]


class Input(NamedTuple):
    """Rows and positions in a direction's input, and the pixels that are copied there."""

    direction: int
    rows: slice
    here: slice
    pixels: slice


class State(NamedTuple):
    """Rows and positions in all directions' input, and the positions of the line before that are copied there."""

    rows: slice
    here: slice
    there: slice


class Line(NamedTuple):
    """One line, whose positions are all computed at once."""

    length: int
    pixels: tuple[slice, ...]  # for each direction
    inputs: tuple[Input, ...]
    states: tuple[State, ...]  # none on the first line
    here: slice  # the positions that the line before has too …
    there: slice  # … and their indices there


@functools.lru_cache(maxsize=64)
def plan(spans: tuple[Span, ...], taps: Taps, channels: int, hidden: int) -> tuple[Line, ...]:
    """The plan of a scan, made once for all batches: slices only, since Python's time counts in the scan."""
    lines: list[Line] = []
    before = None
    for span in spans:
        pixels = tuple(_strided(span, direction, slice(0, span.length)) for direction in range(len(span.pixels)))
        inputs = []
        for tap, offset in enumerate(taps.inputs):
            here, there = _shared(span, span, offset)
            rows = slice(tap * channels, (tap + 1) * channels)
            for direction in range(len(pixels)):
                inputs.append(Input(direction, rows, here, _strided(span, direction, there)))
        states = []
        for tap, offset in enumerate(taps.states if before else ()):
            first = len(taps.inputs) * channels + tap * hidden
            states.append(State(slice(first, first + hidden), *_shared(span, before or span, offset)))
        lines.append(Line(span.length, pixels, tuple(inputs), tuple(states), *_shared(span, before or span, 0)))
        before = span
    return tuple(lines)


def _shared(span: Span, other: Span, offset: int) -> tuple[slice, slice]:
    """The positions p of a span for which the other has p + offset: indices in the span, and in the other."""
    low = max(span.first, other.first - offset)
    high = max(low, min(span.first + span.length, other.first + other.length - offset))
    there = low + offset - other.first
    return slice(low - span.first, high - span.first), slice(there, there + high - low)


def _strided(span: Span, direction: int, positions: slice) -> slice:
    """The pixels of some of a span's positions."""
    first, stride = span.pixels[direction]
    start = first + positions.start * stride
    count = positions.stop - positions.start
    return slice(start, start + (count - 1) * stride + 1 if count else start, max(stride, 1))

"""The order in which an LSTM goes over a picture, and what of it each line sees."""

from __future__ import annotations

import functools
from typing import NamedTuple


class Taps(NamedTuple):
    """What a place p sees: the inputs at p + offset of its own line, the states at p + offset of the line before."""

    inputs: tuple[int, ...]
    states: tuple[int, ...]


class Span(NamedTuple):
    """Places `first` … `first + length − 1` of a line.

    `pixels` are for each direction the first one's index and the stride among the raster's height · width pixels.
    """

    first: int
    length: int
    pixels: tuple[tuple[int, int], ...]


class Input(NamedTuple):
    """Rows of what a direction sees and the places there, and the pixels that are copied to them."""

    direction: int
    rows: slice
    here: slice
    pixels: slice


class State(NamedTuple):
    """Rows of what all directions see and the places there, and the places of the line before copied to them."""

    rows: slice
    here: slice
    there: slice


class Line(NamedTuple):
    """One line, whose places are all computed at once."""

    length: int
    pixels: tuple[slice, ...]  # for each direction
    inputs: tuple[Input, ...]
    states: tuple[State, ...]  # none on the first line
    here: slice  # the places that the line before has too …
    there: slice  # … and where it has them


@functools.lru_cache(maxsize=64)
def plan(spans: tuple[Span, ...], taps: Taps, channels: int, hidden: int) -> tuple[Line, ...]:
    """Works out once what scans of every batch do: slices only, no arithmetic, as Python's time counts here."""
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
    """Where place p of a span has place p + offset of the other: which of its own, which of the other's."""
    low = max(span.first, other.first - offset)
    high = max(low, min(span.first + span.length, other.first + other.length - offset))
    there = low + offset - other.first
    return slice(low - span.first, high - span.first), slice(there, there + high - low)


def _strided(span: Span, direction: int, places: slice) -> slice:
    """The pixels of some of a span's places."""
    first, stride = span.pixels[direction]
    start, count = first + places.start * stride, places.stop - places.start
    return slice(start, start + (count - 1) * stride + 1 if count else start, max(stride, 1))

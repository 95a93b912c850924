"""Charts as inline SVG, which take their colours from the page around them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape

from wavegen.evaluation.results import BitsPerSample, ComparisonRow

WIDTH = 900  # of a chart, which the page scales
ROW = 26  # height of a bar with its gap
NAMES = 210  # of a bar chart, left of the bars
VALUES = 60  # of a bar chart, right of the bars
# Margins of a line chart; the names of the lines stand at the right.
TOP = 14
BOTTOM = 44
LEFT = 56
RIGHT = 230
HEIGHT = 380  # of a line chart
MAX_ABOVE_BEST = 3.0  # bits; higher points are cut off, as those of the first seconds of training
LINES = 10  # colours of lines; the page names them --line-0 …
DASHES = ("", "7 4", "2 3")  # of the first ten lines, the next ten, …

Scale = Callable[[tuple[float, float]], tuple[float, float]]  # seconds and bits to x and y in a chart


def whisker(row: BitsPerSample, low: float, high: float, colour: str, width: int = 130) -> str:
    """A number as a dot and its interval as a line, with zero marked.

    Args:
        row: the number.
        low: the left end of the scale, the same for all rows.
        high: its right end.
        colour: of CSS.
        width: in pixels.
    """

    def x_of(value: float) -> float:
        return 6 + (width - 12) * (value - low) / (high - low or 1)

    parts = []
    if low < 0 < high:
        parts.append(f'<line class=axis x1="{x_of(0):.1f}" x2="{x_of(0):.1f}" y1="1" y2="17"/>')
    if row["low"] is not None and row["high"] is not None:
        ends = f'x1="{x_of(row["low"]):.1f}" x2="{x_of(row["high"]):.1f}"'
        parts.append(f'<line {ends} y1="9" y2="9" stroke="{colour}" stroke-width="2"/>')
    parts.append(f'<circle cx="{x_of(row["bits_per_sample"]):.1f}" cy="9" r="4.5" fill="{colour}"/>')
    return f'<svg width="{width}" height="18" aria-hidden="true">{"".join(parts)}</svg>'


def extent(rows: Sequence[BitsPerSample]) -> tuple[float, float]:
    """The lowest and the highest end of all numbers and intervals."""
    ends = [end for row in rows for end in (row["low"], row["high"], row["bits_per_sample"]) if end is not None]
    return min(ends), max(ends)


def bars(rows: Sequence[ComparisonRow]) -> str:
    """Bits per sample as bars from zero on, one a row in the rows' order, with their intervals."""
    longest = max(16.0, extent(rows)[1])
    height = ROW * len(rows) + 30
    scale = (WIDTH - NAMES - VALUES) / longest
    parts = []
    for tick in range(0, int(longest) + 1, 2):
        x = NAMES + scale * tick
        parts.append(f'<line class=grid x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height - 24}"/>')
        parts.append(f'<text class=tick x="{x:.1f}" y="{height - 8}" text-anchor="middle">{tick}</text>')
    for index, row in enumerate(rows):
        top = ROW * index + 4
        value = row["bits_per_sample"]
        middle = top + (ROW - 8) / 2
        end = NAMES + scale * value
        parts.append(
            f'<text x="{NAMES - 10}" y="{middle + 5:.1f}" text-anchor="end">{escape(shortened(row["name"]))}</text>'
            f'<rect x="{NAMES}" y="{top}" width="{scale * value:.1f}" height="{ROW - 8}" rx="2" '
            f'fill="var(--{row["kind"]})"/>'
        )
        if row["low"] is not None and row["high"] is not None:
            ends = [NAMES + scale * row["low"], NAMES + scale * row["high"]]
            caps = "".join(f"M{x:.1f} {middle - 4}v8" for x in ends)
            parts.append(f'<path class=error d="M{ends[0]:.1f} {middle}H{ends[1]:.1f}{caps}"/>')
            end = ends[1]
        parts.append(f'<text x="{end + 8:.1f}" y="{middle + 5:.1f}">{value:.3f}</text>')
    return _svg("bits per sample of every row, with 95 % intervals", height, parts)


def learning_curves(runs: Mapping[str, Sequence[tuple[float, float]]], truth: float | None = None) -> str:
    """Validation bits over seconds of training, one line a run, time on a logarithmic scale; "" without points.

    `truth`, the bits of the true density where it is known, of the scored split, is drawn as a line.
    """
    runs = {name: [point for point in run if point[0] > 0] for name, run in runs.items()}
    runs = {name: run for name, run in runs.items() if run}
    if not runs:
        return ""
    times = [seconds for run in runs.values() for seconds, _ in run]
    values = [bits for run in runs.values() for _, bits in run]
    low = math.floor(4 * min(min(values), math.inf if truth is None else truth)) / 4
    high = max(low + 0.5, min(math.ceil(4 * max(values)) / 4, low + MAX_ABOVE_BEST))
    first = min(times)
    last = max(max(times), 1.01 * min(times))

    def xy(point: tuple[float, float]) -> tuple[float, float]:
        across = math.log(point[0] / first) / math.log(last / first)
        up = (point[1] - low) / (high - low)
        return LEFT + (WIDTH - LEFT - RIGHT) * across, HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * up

    parts = [*_time_axis(first, last, xy, low), *_bits_axis(low, high, xy, first)]
    if truth is not None:
        y = xy((first, truth))[1]
        parts.append(f'<line class=truth x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class=tick x="{LEFT + 6}" y="{y - 5:.1f}">true density, {truth:.3f}</text>')
    parts += _lines(runs, lambda point: xy((point[0], min(point[1], high))), xy)
    return _svg("validation bits per sample over training time", HEIGHT, parts)


def _lines(runs: Mapping[str, Sequence[tuple[float, float]]], inside: Scale, xy: Scale) -> list[str]:
    """A line a run, cut off at the frame, and its last number and name at the right, level with its end."""
    frame = f'x="{LEFT}" y="{TOP}" width="{WIDTH - LEFT - RIGHT + 4}" height="{HEIGHT - TOP - BOTTOM}"'
    parts = [f"<clipPath id=plot><rect {frame}/></clipPath>"]
    ends: list[float] = []
    for index, run in enumerate(runs.values()):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(xy, run))
        look = f'stroke="var(--line-{index % LINES})" stroke-dasharray="{DASHES[index // LINES % len(DASHES)]}"'
        parts.append(f'<polyline class=course clip-path="url(#plot)" points="{points}" {look}/>')
        ends.append(inside(run[-1])[1])
    for index, (name, y) in enumerate(zip(runs, spread(ends, 15, TOP, HEIGHT - BOTTOM), strict=True)):
        where = f'x="{WIDTH - RIGHT + 10}" y="{y + 4:.1f}" style="fill: var(--line-{index % LINES})"'
        parts.append(f"<text {where}>{runs[name][-1][1]:.3f} {escape(shortened(name, 20))}</text>")
    return parts


def spread(heights: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """`heights`, moved where neighbours are closer than `gap`; from `low` on and, if they fit, up to `high`."""
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    found = [0.0] * len(heights)
    last = low - gap
    for index in order:
        last = found[index] = max(heights[index], last + gap)
    last = max(high, low + gap * (len(heights) - 1)) + gap
    for index in reversed(order):
        last = found[index] = min(found[index], last - gap)
    return found


def shortened(name: str, longest: int = 26) -> str:
    """A name that fits, its end kept: paths differ there."""
    return name if len(name) <= longest else "…" + name[-longest + 1 :]


def _time_axis(first: float, last: float, xy: Scale, low: float) -> list[str]:
    """Marks at 1, 2, 5 times a power of ten seconds, or of sixty."""
    ticks = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18000, 36000, 86400)
    parts = []
    for tick in (tick for tick in ticks if first <= tick <= last):
        x, y = xy((tick, low))
        parts.append(f'<line class=grid x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{y:.1f}"/>')
        parts.append(f'<text class=tick x="{x:.1f}" y="{y + 18:.1f}" text-anchor="middle">{_duration(tick)}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text class=tick x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">time trained</text>')
    return parts


def _duration(seconds: int) -> str:
    if seconds < 60:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 3600 else f"{seconds // 3600} h"


def _bits_axis(low: float, high: float, xy: Scale, first: float) -> list[str]:
    step = 0.25 if high - low <= 1.5 else 0.5
    parts = []
    for index in range(int((high - low) / step + 1e-9) + 1):
        value = low + step * index
        x, y = xy((first, value))
        parts.append(f'<line class=grid x1="{x:.1f}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class=tick x="{x - 8:.1f}" y="{y + 4:.1f}" text-anchor="end">{value:.2f}</text>')
    return parts


def _svg(label: str, height: float, parts: Sequence[str]) -> str:
    box = f'viewBox="0 0 {WIDTH} {height}" class=chart role="img" aria-label="{escape(label, quote=True)}"'
    return f"<svg {box}>\n" + "\n".join(parts) + "\n</svg>"

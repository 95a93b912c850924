"""Charts: whatever the numbers and names, well-formed, inside the frame and readable."""

import itertools
import re
from typing import Any

import pytest
from html_checker import Checker
from hypothesis import given
from hypothesis import strategies as st

from wavegen.evaluation.results import BitsPerSample
from wavegen.reports.charts import HEIGHT, bars, extent, learning_curves, shortened, spread, whisker

ROWS: Any = [
    {"name": "wavenet <b>", "kind": "model", "bits_per_sample": 8.7, "low": 8.2, "high": 9.1},
    {"name": "FLAC", "kind": "baseline", "bits_per_sample": 9.82, "low": None, "high": None},
]


@given(st.lists(st.floats(0, 300), max_size=15), st.floats(1, 20))
def test_labels_stand_apart_and_in_order(heights, gap):
    found = spread(heights, gap, 0, 300)
    ordered = sorted(range(len(heights)), key=lambda index: heights[index])
    steps = [found[b] - found[a] for a, b in itertools.pairwise(ordered)]
    assert all(step >= gap - 1e-6 for step in steps)
    assert all(height >= -1e-6 for height in found)
    if gap * (len(heights) - 1) <= 300:
        assert all(height <= 300 + 1e-6 for height in found)
    if all(heights[b] - heights[a] > gap for a, b in itertools.pairwise(ordered)):
        assert found == pytest.approx(heights), "what has room stays"


def test_bars_start_at_zero_and_are_as_long_as_their_numbers():
    text = bars(ROWS)
    assert "b" not in Checker(text).tags, "a name is text"
    widths = [float(width) for width in re.findall(r'<rect [^>]*width="([\d.]+)"', text)]
    assert widths[0] / widths[1] == pytest.approx(8.7 / 9.82, abs=1e-3)
    assert text.count("class=error") == 1, "no interval, no whisker"
    assert "8.700" in text
    assert "9.820" in text


def test_courses_are_drawn_one_a_run():
    runs = {name: [(10.0 * 2**n, 14 - n - 0.1 * index) for n in range(6)] for index, name in enumerate("abc")}
    text = learning_curves(runs | {"untimed": [], "at zero": [(0.0, 9.0)]})
    Checker(text)
    assert text.count("<polyline") == 3
    for name in "abc":
        assert f"{runs[name][-1][1]:.3f} {name}" in text
    heights = [
        [float(pair.split(",")[1]) for pair in points.split()] for points in re.findall(r'points="([^"]*)"', text)
    ]
    assert all(line == sorted(line) for line in heights), "falling bits fall on the page"
    ends = [line[-1] for line in heights]
    assert ends == sorted(ends), "the best ends lowest"
    assert max(ends) <= HEIGHT
    across = [float(pair.split(",")[0]) for pair in re.findall(r'points="([^"]*)"', text)[0].split()]
    steps = [b - a for a, b in itertools.pairwise(across)]
    assert steps == pytest.approx([steps[0]] * 5, abs=0.2), "each doubling of the time is one step"


def test_the_true_density_is_a_line_below_the_runs():
    runs = {"a": [(10.0, 9.0), (20.0, 8.4), (40.0, 8.3)]}
    text = learning_curves(runs, truth=8.21)
    Checker(text)
    assert "true density, 8.210" in text
    (line,) = re.findall(r'<line class=truth [^>]*y1="([\d.]+)"', text)
    (points,) = re.findall(r'points="([^"]*)"', text)
    assert max(float(pair.split(",")[1]) for pair in points.split()) < float(line) < HEIGHT
    assert "class=truth" not in learning_curves(runs)


def test_without_points_there_is_no_chart():
    assert learning_curves({}) == learning_curves({"a": [], "b": [(0.0, 9.0)]}) == ""
    assert "<polyline" in learning_curves({"one point": [(5.0, 9.0)]})


def test_a_whisker_marks_zero_only_where_it_is():
    row: BitsPerSample = {"bits_per_sample": 0.1, "low": -0.1, "high": 0.3}
    assert "class=axis" in whisker(row, *extent([row]), "red")
    assert "class=axis" not in whisker(ROWS[0], *extent(ROWS), "red")


def test_a_long_name_keeps_its_end():
    assert shortened("short") == "short"
    assert len(shortened("x" * 50 + "end", 20)) == 20
    assert shortened("x" * 50 + "end", 20).endswith("end")

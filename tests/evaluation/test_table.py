"""Ranks and paired differences of the rows of a comparison, whatever their unit."""

import numpy as np
import pytest

from wavegen.evaluation.intervals import bootstrap_interval
from wavegen.evaluation.table import Table

SIZES = np.array([100, 300, 50])
TOTALS = {
    "b": np.array([900.0, 3000.0, 500.0]),
    "a": np.array([800.0, 2500.0, 490.0]),
    "c": np.array([950.0, 1.0, 2.0]),
}


def test_rows_are_ranked_by_their_mean_over_all_files():
    ranked = Table(TOTALS, SIZES).ranked()
    assert list(ranked) == ["c", "a", "b"]
    assert ranked["a"].mean == pytest.approx(3790 / 450, abs=1e-6)
    assert (ranked["a"].low, ranked["a"].high) == pytest.approx(bootstrap_interval(TOTALS["a"], SIZES), abs=1e-6)


def test_rows_are_ranked_by_what_reports_round_away():
    ranked = Table({"b": np.array([1.0, 1 + 2e-8]), "a": np.array([1.0, 1 + 1e-8])}, np.array([1, 1])).ranked()
    assert list(ranked) == ["a", "b"]
    assert ranked["a"].bits() == ranked["b"].bits() == {"bits_per_sample": 1, "low": 1, "high": 1}


def test_differences_are_paired_and_each_row_is_subtracted_once():
    table = Table(TOTALS, SIZES)
    found = {(a, b): estimate for a, b, estimate in table.differences(["b", None, "absent", "b", "c"])}
    assert list(found) == [("c", "b"), ("a", "b"), ("a", "c"), ("b", "c")]
    assert found["a", "b"].mean == pytest.approx(-610 / 450, abs=1e-6)
    low, high = bootstrap_interval(TOTALS["a"] - TOTALS["b"], SIZES)
    assert (found["a", "b"].low, found["a", "b"].high) == pytest.approx((low, high), abs=1e-6)


def test_one_file_has_no_interval():
    ((_, estimate),) = Table({"a": np.array([5.0])}, np.array([2])).ranked().items()
    assert estimate == (2.5, None, None)

"""Tables as text, and windows as CSV."""

import csv
import io
from typing import Any

import pytest
from comparison_results import COMPARISON

from wavegen.reports.tables import (
    comparison_text,
    description_text,
    generated_text,
    rounded,
    score_csv,
    score_text,
    table,
)


def test_columns_line_up():
    lines = table(["", "x"], [["long name", "1"], ["b", "100,000"]]).splitlines()
    assert lines == ["                 x", "long name        1", "b          100,000"]


def test_comparison_text():
    text = comparison_text(COMPARISON)
    assert "12 files, 30 s at 8000 Hz" in text
    row, difference = [line for line in text.splitlines() if line.startswith("a ")]
    assert " ".join(row.split()) == "a 9.123 8.900 … 9.350 1,234,567 1,000 4.94 M 10.0 min 22.3 M"
    (flac,) = [line for line in text.splitlines() if line.startswith("FLAC")]
    assert flac.split() == ["FLAC", "9.800", *"––––––"]
    assert "less FLAC, paired over files" in text
    assert difference.split()[1] == "-0.677"
    assert "missing: WavPack: the wavpack program is not here" in text
    assert "bits/symbol" not in text
    assert "precision" not in text
    assert "trained on them" not in text
    rounded_row = COMPARISON["rows"][0] | {"precision": "int8"}
    text = comparison_text(COMPARISON | {"rows": [rounded_row, COMPARISON["rows"][1]], "split": "train"})
    assert "int8" in text
    assert "train split: 12 files, 30 s at 8000 Hz; the models were trained on them" in text


def test_bits_per_symbol_are_shown_where_asked_for_or_all_is_mu_law():
    for text in (comparison_text(COMPARISON, symbols=True), comparison_text(COMPARISON | {"mu_law_corpus": True})):
        assert "bits/symbol" in text
        assert "5.043 of 256" in text
    rows = [row | {"bits_per_symbol": None} for row in COMPARISON["rows"]]
    assert "bits/symbol" not in comparison_text(COMPARISON | {"rows": rows}, symbols=True)


def test_an_excess_over_the_true_density_is_called_what_it_is():
    excess = {"a": "a", "b": "true density", "meaning": "KL divergence", "bits_per_sample": 0.01}
    text = comparison_text(COMPARISON | {"differences": [excess | {"low": 0.008, "high": 0.012}]})
    assert "KL divergence from the true density" in text
    assert "+0.010  +0.008 … +0.012" in text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (1000, "1 k"), (18_449, "18.4 k"), (999_499, "999 k"), (999_501, "1 M"), (None, "–")],
)
def test_rounded(number, text):
    assert rounded(number) == text


SCORE: Any = {
    "files": [
        {"file": 'a, "b".wav', "samples": 800, "bits_per_sample": 9.0, "flac_bits_per_sample": 9.5, "above_flac": -0.5}
        | {"surprisal": [8.5, 9.5], "flac_surprisal": [10.5, 8.5], "surprisal_above_flac": [-2.0, 1.0]}
    ],
    "samples": 800,
    "bits_per_sample": 9.0,
    "flac_bits_per_sample": 9.5,
    "above_flac": -0.5,
    "low": None,
    "high": None,
    "engine": "cpu",
    "precision": "float32",
    "condition": None,
    "window": 0.05,
}


def test_score_text():
    text = score_text(SCORE)
    assert "800        9.000  9.500      -0.500" in text
    assert "8.500" not in text
    assert "0.050    9.500    8.500    +1.000" in score_text(SCORE, curves=True)


def test_windows_as_csv():
    rows = list(csv.DictReader(io.StringIO(score_csv(SCORE))))
    assert list(rows[0]) == ["file", "start_seconds", "bits_per_sample", "flac_bits_per_sample", "above_flac"]
    assert [row["file"] for row in rows] == ['a, "b".wav'] * 2
    assert [float(row["start_seconds"]) for row in rows] == [0.0, 0.05]
    assert [float(row["above_flac"]) for row in rows] == [-2.0, 1.0]


def test_generated_text():
    files = [{"file": "a.wav", "samples": 12000, "seed": 5, "bits_per_sample": 7.25}]
    generated: Any = {"files": files, "sample_rate": 8000, "engine": "cpu", "precision": "int8"}
    generated["condition"] = None
    text = generated_text(generated | {"samples_per_second": 21000.0, "real_time_factor": 2.625})
    assert "1.50" in text
    assert "21,000 samples/s, 2.62 x real time" in text


def test_description_text_spells_inner_tables_with_a_dot():
    text = description_text({"sample_rate": 8000, "network": {"name": "gru"}})
    assert text == "sample_rate   8000\nnetwork.name  gru"

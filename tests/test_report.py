"""Tables as text, and pictures that show the recording whatever its length."""

import struct
from typing import Any

import numpy as np
import pytest

from wavegen.errors import UserError
from wavegen.evaluation import windowed
from wavegen.report import comparison_text, description_text, generated_text, picture, score_text, table

BASELINE: dict[str, Any] = {"kind": "baseline", "parameters": None, "macs_per_sample": None, "training_seconds": None}
COMPARISON: dict[str, Any] = {
    "split": "test",
    "files": 12,
    "samples": 240000,
    "sample_rate": 8000,
    "rows": [
        {"name": "a", "kind": "model", "bits_per_sample": 9.1234, "low": 8.9, "high": 9.35, "parameters": 1234567}
        | {"macs_per_sample": 1000, "training_seconds": 600.0},
        {"name": "FLAC", "bits_per_sample": 9.8, "low": None, "high": None, **BASELINE},
    ],
    "differences": [{"a": "a", "b": "FLAC", "bits_per_sample": -0.6766, "low": -0.8, "high": -0.5}],
}


def test_columns_line_up():
    lines = table(["", "x"], [["long name", "1"], ["b", "100,000"]]).splitlines()
    assert lines == ["                 x", "long name        1", "b          100,000"]


def test_comparison_text():
    text = comparison_text(COMPARISON)
    assert "12 files, 30 s at 8000 Hz" in text
    (row,) = [line for line in text.splitlines() if line.startswith("a ") and "FLAC" not in line]
    assert row.split() == ["a", "9.123", "8.900", "…", "9.350", "1,234,567", "1,000", "10.0", "min"]
    (flac,) = [line for line in text.splitlines() if line.startswith("FLAC")]
    assert flac.split() == ["FLAC", "9.800", "–", "–", "–", "–"]
    assert "a − FLAC" in text
    assert "-0.677" in text


def test_score_text():
    files = [{"file": "a.wav", "samples": 800, "bits_per_sample": 9.0, "surprise": [8.5, 9.5]}]
    result = {"files": files, "samples": 800, "bits_per_sample": 9.0, "low": None, "high": None, "engine": "cpu"}
    text = score_text(result | {"window": 0.05})
    assert "a.wav      800        9.000" in text
    assert "8.500" not in text
    assert "0.050    9.500" in score_text(result | {"window": 0.05}, curves=True)


def test_generated_text():
    files = [{"file": "a.wav", "samples": 12000, "seed": 5, "bits_per_sample": 7.25}]
    text = generated_text(
        {"files": files, "sample_rate": 8000, "engine": "cpu", "samples_per_second": 21000.0, "real_time_factor": 2.625}
    )
    assert "1.50" in text
    assert "21,000 samples/s, 2.62 x real time" in text


def test_description_text_spells_inner_tables_with_a_dot():
    text = description_text({"sample_rate": 8000, "network": {"name": "gru"}})
    assert text == "sample_rate   8000\nnetwork.name  gru"


@pytest.mark.parametrize("samples", [1, 3, 500, 8000, 400_000])
def test_a_picture_of_any_length(samples, tmp_path):
    random = np.random.default_rng(0)
    pcm = random.normal(0, 3000, samples).round().astype(np.int16)
    surprise = windowed(random.uniform(5, 15, samples), 400)
    picture(tmp_path / "a.png", pcm, 8000, surprise, 0.05, "音声 $x^2 <b>\udcff")
    head = (tmp_path / "a.png").read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:])
    assert width >= 1000
    assert height >= 500


def test_silence_has_a_picture(tmp_path):
    picture(tmp_path / "a.png", np.zeros(4000, np.int16), 8000, np.zeros(10), 0.05, "silence")
    assert (tmp_path / "a.png").exists()


def test_a_picture_that_cannot_be_written(tmp_path):
    with pytest.raises(UserError, match=r"absent/a\.png: cannot be written"):
        picture(tmp_path / "absent" / "a.png", np.zeros(400, np.int16), 8000, np.zeros(1), 0.05, "")

"""The HTML report: one file that needs nothing else, whose names cannot break it."""

import base64
import copy
import re
from typing import Any

import numpy as np
import pytest
from comparison_results import COMPARISON
from html_checker import Checker

from wavegen.audio import files as audio_files
from wavegen.errors import UserError
from wavegen.reports.html import Sound, page, write_page

PROVENANCE = {"weights_hash": "ab12", "seed": 3, "steps": 7}
FULL: Any = copy.deepcopy(COMPARISON) | {"corpus_fingerprint": "feedbeef"}
for row in FULL["rows"]:
    row |= PROVENANCE if row["kind"] == "model" else dict.fromkeys(PROVENANCE)


@pytest.fixture
def sound(tmp_path) -> Sound:
    audio_files.write(tmp_path / "a.wav", np.arange(100, dtype=np.int16), 8000)
    (tmp_path / "a.png").write_bytes(b"\x89PNG not really")
    return Sound("a & <b>", tmp_path / "a.wav", tmp_path / "a.png")


def test_the_page_holds_everything_itself(sound):
    text = page(FULL, [sound])
    checked = Checker(text)
    assert {"audio", "img", "table", "svg", "style"} <= set(checked.tags)
    assert checked.addresses
    assert all(str(address).startswith("data:") for address in checked.addresses)
    assert not re.search(r"https?://|url\(|@import", text)
    wav = next(text for text in map(str, checked.addresses) if text.startswith("data:audio/wav;base64,"))
    assert base64.b64decode(wav.partition(",")[2]) == sound.wav.read_bytes()
    words = " ".join(checked.words)
    for expected in (
        "9.123",
        "8.900 … 9.350",
        "1,234,567",
        "feedbeef",
        "ab12",
        "-0.677",
        "22,300,000",
        "the wavpack program is not here",
        "6.9% less than FLAC",
    ):
        assert expected in words


def test_names_are_text(sound):
    evil = '"><script>alert(1)</script>&'
    comparison: Any = copy.deepcopy(FULL)
    comparison["rows"][0]["name"] = comparison["differences"][0]["a"] = evil
    checked = Checker(page(comparison, [sound._replace(title=evil)], title=evil))
    assert "script" not in checked.tags
    assert "b" not in checked.tags
    assert sum(evil in words for words in checked.words) >= 4


def test_a_page_is_written_whole_or_not_at_all(tmp_path):
    write_page(tmp_path / "a.html", FULL, title="not text: \udcff")
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == page(FULL, title="not text: ?")
    with pytest.raises(UserError, match="cannot be written"):
        write_page(tmp_path / "absent" / "a.html", FULL)


def test_a_page_of_baselines_alone():
    rows = [row for row in FULL["rows"] if row["kind"] == "baseline"]
    assert "FLAC needs 9.800" in page(FULL | {"rows": rows, "differences": []})


def test_the_courses_of_runs_are_shown_where_there_are_any():
    course = {"a": [(10.0, 12.0), (20.0, 11.0)], "no run": []}
    assert "Bits over training time" in page(FULL, runs=course)
    assert "Bits over training time" not in page(FULL, runs={"no run": []})


def test_terms_are_explained_where_they_occur():
    truth = {"name": "true density", "kind": "truth", "bits_per_sample": 9.0, "low": 8.9, "high": 9.1}
    only_models = {key: None for key, value in FULL["rows"][1].items() if value is None}
    excess = {"a": "a", "b": "true density", "meaning": "KL divergence", "bits_per_sample": 0.123}
    known = FULL | {"rows": [truth | only_models | {"low": 8.9, "high": 9.1}, *FULL["rows"]]}
    known["differences"] = [excess | {"low": 0.1, "high": 0.2}]
    text = page(known, runs={"a": [(10.0, 9.5), (20.0, 9.2)]})
    assert "class=truth" in text
    assert "The line of the true density is of the test split" in text
    assert "KL divergence from the true density" in text
    assert "drawn from a source" in text
    assert "drawn from a source" not in page(FULL)
    assert "256 levels" in page(FULL, symbols=True)
    assert "256 levels" not in page(FULL)


def test_the_verdict_names_the_best_baseline_and_flac_only():
    others = [FULL["rows"][1] | {"name": name, "bits_per_sample": bits} for name, bits in (("x", 9.0), ("y", 12.5))]
    rows = sorted([*FULL["rows"], *others], key=lambda row: row["bits_per_sample"])
    text = page(FULL | {"rows": rows})
    assert "9.123 bits a sample: 1.4% more than x, 6.9% less than FLAC." in text

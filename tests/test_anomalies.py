"""The recipe for anomalies: what its damages do, what it calls an AUROC, and one small run of it."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import workplace
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen import audio
from wavegen.errors import UserError

RATE = 8000


def script() -> ModuleType:
    path = Path(__file__).parents[1] / "recipes/asterisk/anomalies.py"
    spec = importlib.util.spec_from_file_location("anomalies", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["anomalies"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


anomalies: Any = script()
SPEECH = np.random.default_rng(0).normal(0, 2000, 2 * RATE).round().astype(np.int16)


def damage(name: str, pcm: np.ndarray = SPEECH, seed: int = 3) -> np.ndarray:
    return anomalies.DAMAGES[name](pcm.copy(), RATE, np.random.default_rng(seed))


@pytest.mark.parametrize("name", anomalies.DAMAGES)
def test_damages_keep_the_form_and_depend_on_their_seed_alone(name):
    for pcm in (SPEECH, np.full(300, 32767, np.int16), np.full(300, -32768, np.int16)):
        once, again = damage(name, pcm), damage(name, pcm)
        assert (once.shape, once.dtype) == (pcm.shape, np.int16)
        np.testing.assert_array_equal(once, again)
    assert (damage(name) != SPEECH).any()


def test_each_damage_is_what_it_says():
    assert (damage("clicks") != SPEECH).sum() == 8, "two seconds"
    assert set(np.abs(damage("clicks").astype(int) - SPEECH)[damage("clicks") != SPEECH]) == {8000}
    zeros = damage("dropouts") == 0
    assert 160 <= zeros.sum() <= 4 * 160 + (SPEECH == 0).sum()
    np.testing.assert_array_equal(damage("dropouts")[~zeros], SPEECH[~zeros])
    assert np.abs(damage("clipping")).max() == int(0.3 * np.abs(SPEECH).max())
    added = damage("hum").astype(float) - SPEECH
    spectrum = np.abs(np.fft.rfft(added))
    assert spectrum.argmax() == 50 * len(added) // RATE
    assert np.abs(added).max() == pytest.approx(200, abs=1)
    np.testing.assert_array_equal(damage("reversal")[::-1], SPEECH)


@given(
    odd=st.lists(st.integers(0, 6), min_size=1, max_size=30),
    normal=st.lists(st.integers(0, 6), min_size=1, max_size=30),
)
@settings(deadline=None, max_examples=20)
def test_auroc_is_the_share_of_pairs_won(odd, normal):
    anomalies.RESAMPLES = 20
    a, b = np.array(odd, float), np.array(normal, float)
    found = anomalies.auroc(a, b, np.arange(len(a)), np.arange(len(b)), False)
    wins = [(x > y) + 0.5 * (x == y) for x in odd for y in normal]
    assert found["auroc"] == pytest.approx(np.mean(wins), abs=1e-4)
    assert 0 <= found["low"] <= found["high"] <= 1
    back = anomalies.auroc(b, a, np.arange(len(b)), np.arange(len(a)), False)
    assert back["auroc"] == pytest.approx(1 - found["auroc"], abs=2e-4)


def test_the_interval_draws_recordings_not_excerpts(monkeypatch):
    monkeypatch.setattr(anomalies, "RESAMPLES", 300)
    random = np.random.default_rng(0)
    level = random.normal(size=8)
    odd, normal = np.repeat(level + 0.5, 20), random.normal(size=160)
    alone, of_one = np.arange(160), np.repeat(np.arange(8), 20)
    loose = anomalies.auroc(odd, normal, alone, alone, False)
    tied = anomalies.auroc(odd, normal, of_one, alone, False)
    assert tied["auroc"] == loose["auroc"]
    assert tied["high"] - tied["low"] > 2 * (loose["high"] - loose["low"])
    better = np.repeat(level, 20)
    paired = anomalies.auroc(better + 1e-3, better, of_one, of_one, True)
    unpaired = anomalies.auroc(better + 1e-3, better, of_one, of_one, False)
    assert paired["high"] - paired["low"] < unpaired["high"] - unpaired["low"]


def test_excerpts_are_spread_over_the_recordings_and_do_not_overlap(monkeypatch):
    monkeypatch.setattr(anomalies, "EXCERPTS", 12)
    lengths = [int(1.4 * RATE), 2 * RATE, 2 * RATE, *[20 * RATE] * 3]
    pcms = [np.arange(length) // 12_000 for length in lengths]
    found = anomalies.cut("a", [pcm.astype(np.int16) for pcm in pcms], RATE)
    assert found.pcm.shape == (12, 12_000)
    assert np.bincount(found.recording, minlength=5).tolist() in ([1, 1, 4, 3, 3], [1, 1, 3, 4, 3], [1, 1, 3, 3, 4])
    places = list(zip(found.recording.tolist(), found.pcm[:, 0].tolist(), strict=True))
    assert len(set(places)) == 12, "none twice"
    with pytest.raises(UserError, match=r"a: no recording of 1\.5 s"):
        anomalies.cut("a", [np.zeros(100, np.int16)], RATE)


@pytest.fixture
def furnished(tmp_path, monkeypatch):
    workplace.furnish(tmp_path)
    for place, name in enumerate(anomalies.OTHERS):
        (tmp_path / "others" / name).mkdir(parents=True)
        for index in range(2):
            pcm = np.random.default_rng([place, index]).normal(0, 1000 * place + 10, 900).round().astype(np.int16)
            audio.write(tmp_path / "others" / name / f"{index}.wav", pcm, RATE)
    for name, value in {"SECONDS": 0.05, "EXCERPTS": 6, "RESAMPLES": 30, "DROPOUT": 0.005, "DROPOUTS": 40}.items():
        monkeypatch.setattr(anomalies, name, value)
    monkeypatch.setattr(anomalies, "CLICKS", 40)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_recipe_from_end_to_end(furnished, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["anomalies.py", "gru", "corpus", "others", "--json"])
    assert anomalies.main() == 0
    result = json.loads(capsys.readouterr().out)
    assert [row["set"] for row in result["rows"]] == ["normal", *anomalies.OTHERS, *anomalies.DAMAGES]
    normal, *odd = result["rows"]
    assert "auroc_bits" not in normal
    for row in odd:
        assert row["excerpts"] == (normal["excerpts"] if row["set"] in anomalies.DAMAGES else 4)
        for key in ("auroc_bits", "auroc_above_flac"):
            assert 0 <= row[key]["low"] <= row[key]["auroc"] <= row[key]["high"] <= 1
    loud = {row["set"]: row["bits_per_sample"] for row in odd}
    assert loud["music"] > loud["es"] + 4, "louder noise costs more"
    monkeypatch.setattr(sys, "argv", ["anomalies.py", "gru", "corpus", "others"])
    assert anomalies.main() == 0
    assert "AUROC, above FLAC" in capsys.readouterr().out


def test_what_cannot_be_got_is_one_line(furnished, monkeypatch, capsys):
    monkeypatch.setattr(anomalies.subprocess, "run", lambda *_, **__: anomalies.subprocess.CompletedProcess([], 2))
    monkeypatch.setattr(sys, "argv", ["anomalies.py", "gru", "corpus", "elsewhere"])
    assert anomalies.main() == 2
    assert "elsewhere/es: could not be got" in capsys.readouterr().err

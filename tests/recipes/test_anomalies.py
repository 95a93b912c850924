"""The recipe for anomalies: what its damages do, what it calls an AUROC, and one small run of it."""

import importlib.util
import json
import math
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import small_models
import workspace
from hypothesis import given, settings
from hypothesis import strategies as st

from wavegen.audio import files as audio_files
from wavegen.data.corpus import open_corpus
from wavegen.data.preparing.audio import prepare
from wavegen.errors import UserError
from wavegen.models.checkpoint import save

RATE = 8000


def script() -> ModuleType:
    path = Path(__file__).parents[2] / "recipes/asterisk/anomalies.py"
    spec = importlib.util.spec_from_file_location("anomalies", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["anomalies"] = module  # dataclasses look their module up
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(path.parent)  # as it is where the script is run, beside those that it imports from
        spec.loader.exec_module(module)
    return module


anomalies: Any = script()


@pytest.fixture(autouse=True, scope="module")
def quick():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(anomalies, "RESAMPLES", 300)
        yield


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
    a, b = np.array(odd, float), np.array(normal, float)
    found = anomalies.auroc(a, b, np.arange(len(a)), np.arange(len(b)), False)
    wins = [(x > y) + 0.5 * (x == y) for x in odd for y in normal]
    assert found["auroc"] == pytest.approx(np.mean(wins), abs=1e-4)
    assert 0 <= found["low"] <= found["high"] <= 1
    back = anomalies.auroc(b, a, np.arange(len(b)), np.arange(len(a)), False)
    assert back["auroc"] == pytest.approx(1 - found["auroc"], abs=2e-4)


@given(excerpts=st.lists(st.tuples(*[st.integers(0, 6)] * 2, st.integers(0, 3)), min_size=1, max_size=20))
@settings(deadline=None, max_examples=30)
def test_a_damaged_excerpt_is_not_compared_with_its_own_recording(excerpts):
    odd, normal, of = np.array(excerpts).T
    found = anomalies.auroc(odd, normal, of, of, True)
    wins = [(x > y) + 0.5 * (x == y) for x, _, i in excerpts for _, y, j in excerpts if i != j]
    if not wins:
        assert found is None
    else:
        assert found["auroc"] == pytest.approx(np.mean(wins), abs=1e-4)
        assert 0 <= found["low"] <= found["high"] <= 1


def excerpts_and_shifted(random: np.random.Generator, shift: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores of two excerpts of each of ten recordings, of variance 1.25; these plus `shift`; of which each is."""
    of = np.repeat(np.arange(10), 2)
    normal = random.normal(size=10)[of] + 0.5 * random.normal(size=20)
    return normal, normal + shift, of


def test_resamples_agree_with_the_point():
    normal, odd, of = excerpts_and_shifted(np.random.default_rng(0), 0.05)
    found = anomalies.auroc(odd, normal, of, of, True)
    drawn = anomalies.resampled((odd[:, None] > normal) + 0.0, of[:, None] != of, of, of, True)
    assert drawn.mean() == pytest.approx(found["auroc"], abs=0.002)


def test_the_interval_of_the_damaged_covers_what_is_true(monkeypatch):
    monkeypatch.setattr(anomalies, "RESAMPLES", 100)
    random = np.random.default_rng(1)
    covered = []
    shift = 0.05
    truth = 0.5 * (1 + math.erf(shift / math.sqrt(2 * 1.25) / math.sqrt(2)))
    for _ in range(40):
        normal, odd, of = excerpts_and_shifted(random, shift)
        found = anomalies.auroc(odd, normal, of, of, True)
        covered.append(found["low"] <= truth <= found["high"])
    assert np.mean(covered) > 0.8


def test_the_interval_draws_recordings_not_excerpts(monkeypatch):
    random = np.random.default_rng(0)
    level = random.normal(size=8)
    odd = np.repeat(level + 0.5, 20)
    normal = random.normal(size=160)
    alone = np.arange(160)
    of_one = np.repeat(np.arange(8), 20)
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


def test_few_recordings_give_few_excerpts():
    found = anomalies.cut("a", [SPEECH, *[np.tile(SPEECH, 10)] * 2], RATE)
    assert np.bincount(found.recording).tolist() == [1, 4, 4], "of 1, 13 and 13 that there are"


@pytest.mark.parametrize("source", ["sounds", "sounds/en_US_f_Allison"])
def test_silence_and_tones_are_not_normal(tmp_path, source):
    voice = tmp_path / "sounds/en_US_f_Allison"
    names = [f"digits/{i}" for i in range(30)] + [f"silence/{i}" for i in range(30)] + ["beep", "beeper", "tt-monkeys"]
    for seed, name in enumerate(names):
        (voice / name).parent.mkdir(parents=True, exist_ok=True)
        audio_files.write(voice / f"{name}.wav", workspace.wander(900, seed), RATE)
    prepare(tmp_path / source, tmp_path / "corpus")
    corpus = open_corpus(tmp_path / "corpus")
    test = corpus.split("test")
    spoken = [corpus.pcm(recording) for recording in test if "digits" in recording.id or "beeper." in recording.id]
    assert 0 < len(spoken) < len(test)
    np.testing.assert_equal(list(anomalies.speech(corpus)), spoken)


@pytest.fixture
def furnished(tmp_path, monkeypatch):
    """A corpus with some recordings in its test split, half of them silence; a model; and a few other sounds."""
    (tmp_path / "source/voice/silence").mkdir(parents=True)
    for seed in range(60):
        audio_files.write(
            tmp_path / "source/voice" / f"{'silence/' * (seed % 2)}{seed}.wav", workspace.wander(1200, seed), RATE
        )
    prepare(tmp_path / "source", tmp_path / "corpus")
    (tmp_path / "gru").mkdir()
    save(small_models.mu_law_model(name="gru", hidden_size=5), tmp_path / "gru/model.safetensors", {})
    for place, name in enumerate(anomalies.OTHERS):
        (tmp_path / "others" / name).mkdir(parents=True)
        for index in range(2):
            pcm = np.random.default_rng([place, index]).normal(0, 1000 * place + 10, 900).round().astype(np.int16)
            audio_files.write(tmp_path / "others" / name / f"{index}.wav", pcm, RATE)
    for name, value in {"DROPOUT": 0.005, "DROPOUTS": 40, "CLICKS": 40}.items():
        monkeypatch.setattr(sys.modules["damages"], name, value)
    for name, value in {"SECONDS": 0.05, "EXCERPTS": 6, "RESAMPLES": 30}.items():
        monkeypatch.setattr(anomalies, name, value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_recipe_from_end_to_end(furnished, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["anomalies.py", "gru", "corpus", "others", "--json"])
    assert anomalies.main() == 0
    result = json.loads(capsys.readouterr().out)
    assert [row["set"] for row in result["rows"]] == ["normal", *anomalies.OTHERS, *anomalies.DAMAGES]
    normal, *odd = result["rows"]
    assert "auroc_bits" not in normal
    spoken = [recording for recording in open_corpus("corpus").split("test") if "silence" not in recording.id]
    assert 1 < len(spoken) == normal["recordings"] < normal["excerpts"]
    for row in odd:
        assert row["excerpts"] == (normal["excerpts"] if row["set"] in anomalies.DAMAGES else 4)
        for key in ("auroc_bits", "auroc_above_flac"):
            assert 0 <= row[key]["low"] <= row[key]["auroc"] <= row[key]["high"] <= 1
    loud = {row["set"]: row["bits_per_sample"] for row in odd}
    assert loud["music"] > loud["es"] + 4, "louder noise costs more"
    monkeypatch.setattr(sys, "argv", ["anomalies.py", "gru", "corpus", "others"])
    assert anomalies.main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["recordings", "excerpts"]
    assert "AUROC, above FLAC" in lines[0]
    assert lines[1].split()[1:3] == [str(normal["recordings"]), str(normal["excerpts"])]


def test_a_set_with_nothing_to_compare_has_no_auroc():
    found = {"recordings": 1, "excerpts": 2, "bits_per_sample": 8.0, "above_flac": -1.0}
    assert anomalies.text([{"set": "clicks", **found, "auroc_bits": None, "auroc_above_flac": None}]).endswith("-1.000")


def test_a_model_that_has_heard_the_test_split_is_refused(furnished, monkeypatch, capsys):
    recording = open_corpus("corpus").split("test")[0]
    model = small_models.mu_law_model(name="gru", hidden_size=5)
    save(model, furnished / "gru/model.safetensors", {"heard": recording.content_hash[:8]})
    monkeypatch.setattr(sys, "argv", ["anomalies.py", "gru", "corpus", "others"])
    assert anomalies.main() == 2
    assert f"trained or validated on a recording of corpus's test split ({recording.id})" in capsys.readouterr().err


def test_what_cannot_be_got_is_one_line(furnished, monkeypatch, capsys):
    monkeypatch.setattr(anomalies.subprocess, "run", lambda *_, **__: anomalies.subprocess.CompletedProcess([], 2))
    monkeypatch.setattr(sys, "argv", ["anomalies.py", "gru", "corpus", "elsewhere"])
    assert anomalies.main() == 2
    assert "elsewhere/es: could not be got" in capsys.readouterr().err

import re
from collections import Counter

import numpy as np
import pytest
from audits import audit_with
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from wavegen.audio.examination.examiner import silent_samples
from wavegen.audio.files import Audio
from wavegen.data.preparing.audit import Auditor, describe


def audit_of(*recordings, splits=("train", "validation", "test"), **about):
    """The audit of recordings of the given PCM, all otherwise alike."""
    about = {"channels": 1, "subtype": "PCM_16", "lossy": False, "source_rate": 8000, "clipped": 0} | about
    audit = Auditor()
    for number, pcm in enumerate(recordings):
        audit.add(f"{number}.wav", Audio(pcm=np.asarray(pcm, np.int16), sample_rate=8000, **about))
    own = [splits[number % len(splits)] for number in range(len(recordings))]
    samples = Counter()
    for split, pcm in zip(own, recordings, strict=True):
        samples[split] += len(pcm)
    return audit.summary(8000, Counter(own), samples, [])


NOISE = np.random.default_rng(0).integers(-9000, 9000, (3, 48000)).astype(np.int16)


@given(
    pcm=hnp.arrays(np.int16, st.integers(1, 60), elements=st.sampled_from([0, 0, 0, 1, -1])), shortest=st.integers(1, 9)
)
@settings(deadline=None)
def test_silent_samples(pcm, shortest):
    runs = "".join("0" if value == 0 else "x" for value in pcm).split("x")
    assert silent_samples(pcm, shortest) == sum(len(run) for run in runs if len(run) >= shortest)


@given(pcm=hnp.arrays(np.int16, st.integers(1, 200), elements=st.integers(-32768, 32767)))
@settings(deadline=None)
def test_figures(pcm):
    audit = audit_of(pcm)
    assert audit["samples"] == len(pcm)
    assert audit["peak"] == np.abs(pcm.astype(int)).max() / 32768
    assert audit["dc"] == pytest.approx(abs(pcm.astype(float).mean()), abs=1e-3)
    assert audit["distinct_codes"] == len(np.unique(pcm))
    assert audit["clipping"] == np.mean((pcm == 32767) | (pcm == -32768))


def test_minutes_and_files_of_each_split():
    audit = audit_of(*NOISE, NOISE[0])
    assert audit["files"] == 4
    assert audit["minutes"] == pytest.approx(0.4)
    assert [audit["splits"][name]["files"] for name in ("train", "validation", "test")] == [2, 1, 1]
    assert audit["splits"]["train"]["minutes"] == pytest.approx(0.2)
    assert audit["splits"]["test"]["samples"] == 48000


def test_ordinary_audio_gets_no_warning():
    assert audit_of(*NOISE)["warnings"] == []


@pytest.mark.parametrize(
    ("audit", "words"),
    [
        (audit_of(*NOISE, lossy=True), "3 of 3 files .* likelihoods of lossy sources measure their decoder"),
        (audit_of(*NOISE, source_rate=4000), "3 of 3 files had a lower sample rate"),
        (audit_of(*NOISE // 256 * 256), "72 of 65536 codes occur, as of a source of 8 bits"),
        (
            audit_of(*NOISE + np.int16(500)),
            r"3 of 3 files have a DC offset of [45]\d\d to [45]\d\d codes: 0.wav",
        ),
        (audit_of(*NOISE, clipped=100), "3 of 3 files have samples beyond full scale, which are clipped"),
        (audit_of(*NOISE * (np.arange(48000) % 8000 > 800)), "10.0% of the samples are digital silence"),
    ],
)
def test_warnings(audit, words):
    text = " ".join(audit["warnings"])
    assert re.search(words, text)
    assert text.splitlines() == [text]
    assert all(f"warning: {warning}" in describe(audit_with(**audit)) for warning in audit["warnings"])


def test_description_names_what_was_refused():
    audit = Auditor()
    audit.add("a.wav", Audio(NOISE[0], 8000, 2, "PCM_16", False, 16000, 0))
    audit.refuse("b.wav", "b.wav: holds no samples")
    text = describe(audit_with(**audit.summary(8000, {"train": 1}, {"train": 48000}, [])))
    assert "1 file refused:\n  b.wav: holds no samples" in text
    assert "1 files resampled, 1 mixed to mono" in text
    assert "train 1 files 0.1 min, validation 0 files 0.0 min" in text


def test_offsets_of_either_sign_do_not_cancel():
    audit = audit_of(*(NOISE[[0, 1, 0, 1]] // 8 + np.array([[2000], [-2000]] * 2)).astype(np.int16))
    assert audit["dc"] == pytest.approx(2000, abs=20)
    (warning,) = [one for one in audit["warnings"] if "DC" in one]
    assert re.match(r"4 of 4 files have a DC offset of -\d{4} to \d{4} codes: 0.wav, 1.wav, 2.wav and 1 more", warning)


def test_findings_have_names():
    audit = audit_of(NOISE[0], NOISE[1] + np.int16(500), NOISE[2] * 0)
    found = {one["kind"]: (one["files"], one["names"]) for one in audit["findings"]}
    assert found == {"offset": (1, ["1.wav"]), "silence": (1, ["2.wav"])}
    assert {one["warning"] for one in audit["findings"]} <= set(audit["warnings"])
    assert "2.wav: is digital silence" in audit["warnings"]


def test_names_are_listed_up_to_a_limit(monkeypatch):
    monkeypatch.setattr("wavegen.audio.examination.findings.LISTED", 4)
    (found,) = [one for one in audit_of(*[NOISE[0]] * 6, lossy=True)["findings"]]
    assert (found["files"], found["names"]) == (6, ["0.wav", "1.wav", "2.wav", "3.wav"])
    assert found["warning"].endswith(": 0.wav, 1.wav, 2.wav and 3 more")

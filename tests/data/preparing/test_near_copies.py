"""One sound recorded twice is found by its spectral peaks; two recordings of one voice are not taken for one."""

import io
import json
import time

import numpy as np
import pytest
import soundfile

from wavegen.assets import speech
from wavegen.audio import files as audio_files
from wavegen.data.preparing import fingerprints, near_copies
from wavegen.data.preparing.audio import prepare
from wavegen.data.preparing.fingerprints import LANDMARKS, is_one_sound, landmarks, unpacked
from wavegen.data.preparing.near_copies import NearCopies, near_copy_warnings

RATE = 8000
PROMPTS = [audio_files.read(path).pcm for path in audio_files.find(speech.folder())]
LONG = [pcm for pcm in PROMPTS if len(pcm) > RATE][:20]
MUCH = 10 ** (-30 / 20)  # noise of a room


def codes(values):
    return np.clip(np.rint(values), -32768, 32767).astype(np.int16)


def recoded(pcm, container, subtype):
    file = io.BytesIO()
    soundfile.write(file, pcm, RATE, format=container, subtype=subtype)
    file.seek(0)
    return soundfile.read(file, dtype="int16")[0]


def second_microphone(pcm, seed=0):
    """Other colour, some echo, a delay of 3 ms, half the level, noise 30 dB below."""
    random = np.random.default_rng(seed)
    times = np.arange(1600)
    echo = random.normal(size=1600) * 0.02 * np.exp(-times / 320)
    echo[0] = 1
    colour = np.array([1, 0.4, -0.3, 0.2, 0.1])
    recorded = np.convolve(np.convolve(pcm.astype(float), echo), colour)
    recorded = 0.5 * np.concatenate([np.zeros(24), recorded])[: len(pcm)]
    return codes(recorded + random.normal(size=len(pcm)) * recorded.std() * MUCH)


COPIES = {
    "1 dB lower": lambda pcm: codes(pcm * 0.891),
    "20 dB lower": lambda pcm: codes(pcm * 0.1),
    "upside down": lambda pcm: codes(-pcm.astype(float)),
    "with a DC offset": lambda pcm: codes(pcm * 0.5 + 900),
    "mu-law": lambda pcm: recoded(pcm, "WAV", "ULAW"),
    "Vorbis": lambda pcm: recoded(pcm, "OGG", "VORBIS"),
    "MP3": lambda pcm: recoded(pcm, "MP3", "MPEG_LAYER_III"),
    "second microphone": second_microphone,
    "noise at 20 dB": lambda pcm: codes(pcm + np.random.default_rng(1).normal(size=len(pcm)) * pcm.std() / 10),
    "trimmed": lambda pcm: pcm[1234:-999],
}


def pairs_of(recordings, splits, sample_rate=RATE):
    near = NearCopies(len(recordings))
    start = 0
    for pcm, split in zip(recordings, splits, strict=True):
        near.add(landmarks(pcm, sample_rate), split, start, len(pcm))
        start += len(pcm)
    return near.pairs(np.concatenate(recordings), sample_rate)


@pytest.mark.parametrize("kind", COPIES)
def test_copies_are_found(kind):
    copies = [COPIES[kind](pcm) for pcm in LONG]
    found = pairs_of([*LONG, *copies], [0] * len(LONG) + [2] * len(LONG))
    right = [(number, number + len(LONG)) for number in range(len(LONG))]
    assert set(found) <= set(right)
    assert len(found) >= 0.9 * len(LONG)


@pytest.mark.parametrize("sample_rate", [11025, 16000, 44100, 48000])
def test_copies_are_found_at_other_rates(sample_rate):
    import soxr

    here = [codes(soxr.resample(pcm.astype(float), RATE, sample_rate)) for pcm in LONG]
    found = pairs_of([*here, *(codes(pcm * 0.6) for pcm in here)], [0] * len(here) + [1] * len(here), sample_rate)
    assert found == [(number, number + len(LONG)) for number in range(len(LONG))]


@pytest.mark.parametrize("which", range(3))
def test_recordings_of_one_voice_are_no_copies(which):
    """Digits, words that come again, prompts that end alike: 120 of one speaker."""
    order = np.random.default_rng(which).permutation(len(PROMPTS))
    assert pairs_of([PROMPTS[number] for number in order], [number % 3 for number in range(len(PROMPTS))]) == []


def hum(number, seconds=3):
    """A mains hum under noise of its own."""
    times = np.arange(seconds * RATE) / RATE
    random = np.random.default_rng(number)
    lines = sum(np.sin(2 * np.pi * 50 * k * times + random.uniform(0, 6)) / k for k in range(1, 30))
    return codes(300 * lines + random.normal(size=len(times)) * 100)


OTHERS = {
    "noise": lambda n: codes(np.random.default_rng(n).normal(size=3 * RATE) * 2000),
    "rooms with a hum": hum,
    "rounding noise": lambda n: np.random.default_rng(n).integers(-1, 2, 3 * RATE).astype(np.int16),
    "digital silence": lambda n: np.zeros(3 * RATE + n, np.int16),
    "one code": lambda n: np.full(3 * RATE + n, 7, np.int16),
    "too short to say": lambda n: codes(np.random.default_rng(n).normal(size=300) * 2000),
    "silence around a word": lambda n: np.concatenate(
        [np.zeros(9 * RATE, np.int16), PROMPTS[n], np.zeros(RATE, np.int16)]
    ),
    "a beep before each": lambda n: np.concatenate(
        [codes(9000 * np.sin(np.arange(800) * 0.8)), LONG[n % 20][n * 31 :]]
    ),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_recordings_are_no_copies(kind):
    number = 20 if kind == "a beep before each" else 60
    assert pairs_of([OTHERS[kind](n) for n in range(number)], [n % 3 for n in range(number)]) == []


def test_copies_on_one_side_are_no_matter():
    assert pairs_of([LONG[0], codes(LONG[0] * 0.5)], [2, 2]) == []


def test_landmarks_are_bounded_and_say_nothing_of_the_level():
    assert landmarks(np.zeros(0, np.int16), RATE) == landmarks(np.zeros(9, np.int16), RATE) == ""
    whole = landmarks(np.concatenate(PROMPTS), RATE)
    assert len(unpacked(whole)) == LANDMARKS
    assert whole == landmarks(np.concatenate(PROMPTS), RATE)
    loud = codes(np.random.default_rng(0).normal(size=RATE) * 5000)
    assert landmarks(loud // 4 * 4, RATE) == landmarks(loud // 4, RATE) != ""


def test_an_offset_is_found_out():
    assert is_one_sound(LONG[0][1280:], LONG[0], RATE, -10)
    assert not is_one_sound(LONG[0][1280:], LONG[0], RATE, 10)


def test_time_is_linear(monkeypatch):
    """Thousands of recordings with the same landmarks, as of one jingle, are not paired each with each."""
    print_ = landmarks(LONG[0], RATE)
    checked = []
    monkeypatch.setattr(near_copies, "is_one_sound", lambda *_: checked.append(1) or False)
    near = NearCopies(20000)
    for number in range(20000):
        near.add(print_, number % 3, 0, len(LONG[0]))
    begun = time.process_time()
    assert near.pairs(LONG[0], RATE) == []
    assert len(checked) == near_copies.MAX_CHECKED
    assert time.process_time() - begun < 20


@pytest.mark.parametrize("processes", [1, 3])
def test_prepare_warns_and_names_them(tmp_path, processes):
    (tmp_path / "s").mkdir()
    for number, pcm in enumerate(LONG):
        audio_files.write(tmp_path / f"s/{number:02}_mic1.wav", pcm, RATE)
        audio_files.write(tmp_path / f"s/{number:02}_mic2.wav", second_microphone(pcm, number), RATE)
    audit = prepare(tmp_path / "s", tmp_path / "corpus", processes=processes)
    split = {
        recording["id"]: recording["split"]
        for recording in map(json.loads, (tmp_path / "corpus/index.jsonl").read_text().splitlines())
    }
    twins = [[f"{number:02}_mic1.wav", f"{number:02}_mic2.wav"] for number in range(len(LONG))]
    wanted = [pair for pair in twins if split[pair[0]] != split[pair[1]]]
    assert wanted
    assert audit["near_duplicates"] == wanted
    assert f"{len(wanted)} pairs of recordings in different splits hold the same sound" in " ".join(audit["warnings"])
    assert " ~ ".join(wanted[0]) in " ".join(audit["warnings"])


def test_the_warning_is_bounded():
    (warning,) = near_copy_warnings([["a" * 999, "b" * 999]] * near_copies.MAX_CHECKED)
    assert warning.startswith(f"at least {near_copies.MAX_CHECKED} pairs")
    assert len(warning) < 1500
    assert near_copy_warnings([]) == []


@pytest.mark.parametrize("peaks", [1, 7, 100])
def test_landmarks_do_not_depend_on_how_many_peaks_are_looked_at_together(monkeypatch, peaks):
    pcm = np.random.default_rng(0).normal(0, 900, 40_000).astype(np.int16)
    whole = fingerprints.landmarks(pcm, 8000)
    assert len(whole) == 16 * fingerprints.LANDMARKS
    monkeypatch.setattr(fingerprints, "PEAKS_AT_ONCE", peaks)
    assert fingerprints.landmarks(pcm, 8000) == whole

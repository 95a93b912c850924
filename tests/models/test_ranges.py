"""Level, DC and bandwidth of recordings, and which of them are unlike the training recordings."""

import json

import numpy as np
import pytest
import soxr

from wavegen.assets import speech
from wavegen.data.corpus import open_corpus
from wavegen.data.preparing.audio import prepare
from wavegen.models.ranges import SAMPLES_AT_ONCE, Measurement, Ranges, picture_figures, sound_figures
from wavegen.training.origin import origin

RATE = 8000


def codes(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), -32768, 32767).astype(np.int16)


def noise(samples: int, seed: int = 0, rms: float = 2000.0) -> np.ndarray:
    return codes(np.random.default_rng(seed).normal(0, rms, samples))


def half_band(pcm: np.ndarray) -> np.ndarray:
    narrow = soxr.resample(pcm / 32768.0, 2, 1)
    return codes(soxr.resample(narrow, 1, 2) * 32768)


def test_figures_of_known_signals():
    figures = sound_figures(codes(noise(80000, rms=1000.0) + 300.0), RATE)
    assert figures["dc"] == pytest.approx(300, abs=15)
    assert figures["level"] == pytest.approx(20 * np.log10(1000 / 32768), abs=0.1)
    assert figures["upper"] == pytest.approx(figures["level"] - 3, abs=0.2), "white noise has half its power there"
    sine = codes(8192 * np.sqrt(2) * np.sin(np.arange(80000) * 0.3))
    assert sound_figures(sine, RATE)["level"] == pytest.approx(20 * np.log10(8192 / 32768), abs=0.01)
    assert sound_figures(half_band(noise(80000)), RATE)["upper"] < -90


def test_pieces_of_any_length_have_the_same_figures():
    pcm = noise(SAMPLES_AT_ONCE + 3000)
    pieces = Measurement(RATE)
    for part in np.split(pcm, [1, 1, 700, 5000, SAMPLES_AT_ONCE + 1]):
        pieces.add(part)
    assert pieces.figures() == pytest.approx(sound_figures(pcm, RATE), rel=1e-9)


@pytest.mark.parametrize("pcm", [np.zeros(1, np.int16), np.full(700, -32768, np.int16), noise(3), noise(511)])
def test_short_and_constant_recordings_have_finite_figures(pcm):
    assert all(np.isfinite(value) for value in sound_figures(pcm, RATE).values())


CHANGES = {
    "dc": lambda pcm: codes(pcm - 640.0),
    "dc of the other sign": lambda pcm: codes(pcm + 64.0),
    "dc that changes its sign": lambda pcm: codes(pcm + np.where(np.arange(len(pcm)) < len(pcm) // 2, 640.0, -640.0)),
    "dc that drifts": lambda pcm: codes(pcm + np.linspace(-640.0, 640.0, len(pcm))),
    "level": lambda pcm: codes(pcm * 0.1),
    "loud": lambda pcm: codes(pcm * 10.0),
    "upper": half_band,
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("speech") / "corpus"
    prepare(speech.folder(), folder)
    return open_corpus(folder)


def test_held_out_speech_is_like_training_speech_and_changed_speech_is_not(corpus):
    ranges = Ranges.decode(str(origin(corpus)["training_ranges"]))
    held_out = [*corpus.pcms("validation"), *corpus.pcms("test")]
    assert len(held_out) > 20
    assert [ranges.outside(sound_figures(pcm, RATE)) for pcm in held_out] == [[]] * len(held_out)
    for change, apply in CHANGES.items():
        expected = {"loud": "level"}.get(change, change[:5].split()[0])
        judged = [pcm for pcm in held_out if " that " not in change or len(pcm) > RATE]  # it takes a second to change
        assert all(expected in ranges.outside(sound_figures(apply(pcm), RATE)) for pcm in judged), change


def test_odd_recordings_do_not_widen_the_ranges():
    plain = [sound_figures(noise(4000, seed), RATE) for seed in range(300)]
    odd = [sound_figures(codes(noise(4000, seed) * 0.1 - 2000), RATE) for seed in range(2)]
    assert Ranges.of(plain + odd).outside(odd[0]) == ["dc", "level", "upper"]


def test_the_fewer_recordings_the_wider_the_margin():
    quiet = sound_figures(noise(8000, 1, rms=700.0), RATE)
    assert Ranges.of([sound_figures(noise(8000, seed), RATE) for seed in range(50)]).outside(quiet) == ["level"]
    assert Ranges.of([sound_figures(noise(8000), RATE)]).outside(quiet) == []


@pytest.mark.parametrize("rate", [22050, 44100, 48000])
def test_speech_has_no_offset_at_any_rate(rate, corpus):
    for pcm in [pcm for pcm in corpus.pcms("test") if len(pcm) > RATE][:6]:
        figures = sound_figures(codes(soxr.resample(pcm / 32768.0, RATE, rate) * 32768), rate)
        assert abs(figures["dc"]) == pytest.approx(abs(sound_figures(pcm, RATE)["dc"]), abs=3)


def test_silence_is_new_only_where_there_was_none():
    silence = sound_figures(np.zeros(8000, np.int16), RATE)
    loud = [sound_figures(noise(8000, seed), RATE) for seed in range(20)]
    assert Ranges.of(loud).outside(silence) == ["level"]
    assert Ranges.of([*loud, silence]).outside(silence) == []
    assert Ranges.of([*loud, silence]).between["level"][0] > -30
    assert Ranges.of([silence]).outside(silence) == []


def test_pictures_by_their_mean_level():
    pictures = [np.random.default_rng(seed).random(784) < 0.15 for seed in range(50)]
    ranges = Ranges.of([picture_figures(picture.astype(np.int16), 2) for picture in pictures])
    assert ranges.outside(picture_figures(pictures[0].astype(np.int16), 2)) == []
    assert ranges.outside(picture_figures(1 - pictures[0].astype(np.int16), 2)) == ["mean"]


def test_it_can_be_written_and_read():
    ranges = Ranges.of([sound_figures(noise(8000, seed), RATE) for seed in range(3)])
    assert Ranges.decode(ranges.encode()) == ranges
    assert ranges.text().startswith("DC ")


GOOD = {"recordings": 3, "silent": 0.0, "dc": [0, 1]}


@pytest.mark.parametrize(
    "change",
    [
        {"recordings": 0},
        {"recordings": True},
        {"silent": None},
        {"dc": [0]},
        {"dc": [0, "1"]},
        {"hue": [0, 1]},
        {"dc": 1},
    ],
)
def test_what_is_no_range_is_refused(change):
    Ranges.decode(json.dumps(GOOD))
    with pytest.raises(ValueError, match="not ranges"):
        Ranges.decode(json.dumps(GOOD | change))
    for text in ("", "[]", "3", '{"recordings": 1, "silent": 0, "dc": [0, NaN]}'):
        with pytest.raises(ValueError):  # noqa: PT011 (JSON's and ours)
            Ranges.decode(text)

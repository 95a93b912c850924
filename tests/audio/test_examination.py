"""The parts of an examination: each finds its fault, leaves what is nearly one, and does not see where blocks end."""

import re

import numpy as np
import pytest
import soundfile
import soxr
from examined import RATE, figures, noise
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.interpolate import CubicSpline

from wavegen.assets.speech import folder
from wavegen.audio.examination import pcm_figures
from wavegen.audio.examination.bandwidth import FRAME, Spectrum
from wavegen.audio.examination.depth import ENOUGH, Depth, bits_of
from wavegen.audio.examination.findings import findings_of
from wavegen.audio.examination.rails import Rails


@given(text=st.text("hhhlll-s", max_size=60), cuts=st.lists(st.integers(0, 60), max_size=6))
@example(text="hhhs", cuts=[4])
@settings(deadline=None)
def test_runs_at_a_rail_are_those_of_the_text(text, cuts):
    text = "h-l-" + text
    codes = np.array([{"h": 32767, "l": -32768, "s": 32766, "-": 0}[letter] for letter in text], float)
    runs = [run for run in re.finditer("h{3,}", text) if set(_beside(text, run)) - {"s"}]
    runs += [run for run in re.finditer("l{3,}", text) if _beside(text, run)]
    found = figures(codes, *sorted(min(cut, len(codes)) for cut in cuts))
    assert found["clipped_runs"] == len(runs)
    assert found["longest_run"] == max((run.end() - run.start() for run in runs), default=0)


def _beside(text: str, run: re.Match[str]) -> str:
    return text[run.start() - 1] + text[run.end() : run.end() + 1]


@pytest.mark.parametrize(
    ("subtype", "step", "top"),
    [("PCM_16", 1, 32767), ("PCM_24", 1 / 256, 32768 - 1 / 256), ("FLOAT", 0, 32768), ("FLOAT", 0, 50000),
     ("PCM_U8", 256, 32512), ("ULAW", 1024, 32124), ("ALAW", 1024, 32256)],
)  # fmt: skip
def test_forty_samples_at_the_rail_of_any_coding(subtype, step, top):
    codes = noise(8000)
    codes = np.floor(codes / step) * step if step else codes
    one, two, forty = codes.copy(), codes.copy(), codes.copy()
    one[70], two[70:72], forty[1000:1040] = top, top, top
    for few in (one, two):
        assert figures(few, subtype=subtype)["clipped_runs"] == 0
    found = figures(forty, 1013, 1039, subtype=subtype)
    assert (found["clipped_runs"], found["longest_run"]) == (1, 40)
    below = figures(-forty, 1000, subtype=subtype)  # the lowest code, where there is one code more, is not reached
    assert below["clipped_runs"] == 1


@pytest.mark.parametrize(("bits", "subtype"), [(16, "PCM_16"), (8, "PCM_U8")])
def test_the_top_of_a_slow_wave_is_not_clipped(bits, subtype):
    step = 2.0 ** (16 - bits)
    wave = np.sin(2 * np.pi * 5 * np.arange(8000) / RATE)
    slow = np.rint(wave * 32700 / step).clip(-32768 / step, 32767 // step) * step
    assert figures(slow, subtype=subtype)["clipped_runs"] == 0
    fast = np.rint(np.sin(2 * np.pi * 500 * np.arange(8000) / RATE) * 90000 / step) * step
    assert figures(fast.clip(-32768, 32768 - step), subtype=subtype)["clipped_runs"] > 900


@pytest.mark.parametrize("limit", [20000, 3000])
def test_clipped_and_then_made_quieter(limit):
    found = figures(noise(80000, deviation=12000).clip(-25000, 25000) * limit / 25000)
    assert found["clipped_runs"] == 0
    assert found["flat_tops"] > 50
    assert found["flat_peak"] == pytest.approx(limit / 32768, abs=1e-3)
    assert figures(noise(80000, deviation=3000))["flat_tops"] == 0
    assert figures(np.repeat(noise(20000), 4))["flat_tops"] == 0  # samples repeated four times


@pytest.mark.parametrize(
    ("name", "bits"),
    [("8 bits", 8), ("12 bits", 12), ("15 bits", 15), ("8 bits and 3", 8), ("made louder", 12), ("mu-law", 8)],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_fewer_bits(name, bits, channels):
    codes = noise(80000, deviation=3000)
    made = {
        "8 bits": codes // 256 * 256,
        "12 bits": codes // 16 * 16,
        "15 bits": codes // 2 * 2,
        "8 bits and 3": codes // 256 * 256 + 3,
        "made louder": np.rint(noise(80000, deviation=200) * 15.7),
        "mu-law": np.rint(np.sign(codes) * 32635 * (256 ** (np.rint(_mu(codes) * 127) / 127) - 1) / 255),
    }[name]
    found = figures(np.stack([made] * channels, axis=1), 333, 40000)["bits"]
    assert found == pytest.approx(bits, abs=0.6)


def _mu(codes: np.ndarray) -> np.ndarray:
    return np.log2(1 + 255 * np.abs(codes) / 32768) / 8


@pytest.mark.parametrize("deviation", [0.3, 2, 5, 20, 100, 1000, 9000])
@pytest.mark.parametrize("samples", [800, 8000, 100_000])
def test_sixteen_bits_at_any_level_and_length(deviation, samples):
    assert figures(noise(samples, deviation=deviation))["bits"] is None
    sparse = np.zeros(20 * samples)
    sparse[samples : 2 * samples] = noise(samples, deviation=deviation)
    assert figures(sparse)["bits"] is None, "mostly digital silence"


@pytest.mark.parametrize("delay", [0, 1, 7])
@pytest.mark.parametrize("channels", [2, 6])
@pytest.mark.parametrize("samples", [4000, 9000, 80_000])
def test_channels_of_the_same_sound_have_sixteen_bits(samples, channels, delay):
    """A loud prompt of a second that was doubled to stereo had "about 15 bits"."""
    for deviation in (200, 1000, 3700):
        codes = noise(samples, deviation=deviation)
        assert figures(np.stack([np.roll(codes, k * delay) for k in range(channels)], axis=1))["bits"] is None


def test_a_click_in_silence_is_no_recording_of_few_bits():
    codes = np.zeros(8000)
    codes[100:250] = noise(150, deviation=9000)
    assert figures(codes)["bits"] is None


def test_a_long_recording_is_judged_by_codes_from_all_of_it():
    quiet = noise(ENOUGH, deviation=2) // 4 * 4
    coarse = noise(9 * ENOUGH) // 16 * 16
    depth = Depth()
    for block in np.split(np.concatenate([quiet, coarse])[None] / 32768, [5, ENOUGH, ENOUGH + 7], axis=1):
        depth.add(block)
    assert ENOUGH // 2 < sum(kept.size for kept in depth.kept) <= ENOUGH
    assert depth.bits() == pytest.approx(12, abs=0.6)
    assert bits_of(np.zeros(65536, int)) is None


@pytest.mark.parametrize(("rate", "to"), [(8000, 16000), (8000, 11025), (16000, 22050), (22050, 48000), (8000, 96000)])
@pytest.mark.parametrize("depth", [16, 24])
def test_upsampled(rate, to, depth):
    codes = soxr.resample(noise(2 * rate, deviation=1000), rate, to)
    codes = np.rint(codes) if depth == 16 else codes
    assert figures(codes, 1000, 1001, rate=to)["edge"] == pytest.approx(rate / to, abs=0.03)


@pytest.mark.parametrize("factor", [2, 3, 4, 6, 12])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("between", ["repeated", "zeros", "lines"])
def test_upsampled_without_a_filter(factor, channels, between):
    """Its images are loud, so that the spectrum has no edge; of a loud one "few bits" were told."""
    codes = np.stack([noise(6000, seed, 6000) for seed in range(channels)], axis=1)
    codes[2000:3000] = 0
    made = np.repeat(codes, factor, axis=0)
    if between == "zeros":
        made[np.arange(len(made)) % factor > 0] = 0
    if between == "lines":
        share = (np.arange(len(made)) % factor / factor)[:, None]
        made = np.rint(made + share * (np.repeat(np.roll(codes, -1, axis=0), factor, axis=0) - made))
    found = figures(made[1:], 777, 778, 9001)
    assert found["repeated"] == factor
    kinds = [finding.kind for finding in findings_of({**found, **pcm_figures(made[:, 0].astype(np.int16), RATE)})]
    assert "repeated" in kinds
    assert "few bits" not in kinds


def test_what_was_not_repeated():
    slow = np.rint(np.sin(2 * np.pi * 0.5 * np.arange(80000) / RATE) * 300)  # changes every few samples, not regularly
    coarse = noise(40000, deviation=900) // 1024 * 1024
    cubic = CubicSpline(np.arange(10000), noise(10000))(np.arange(20000) / 2)
    few = np.repeat(noise(40), 4)
    quiet = np.rint(np.interp(np.arange(20000) / 2, np.arange(10000), noise(10000, deviation=1)))  # no bend that tells
    for codes in (noise(40000), slow, coarse, cubic, few, quiet, np.zeros(9000), np.full(9000, 7.0)):
        assert figures(codes)["repeated"] == 1
    for early in (np.repeat(noise(4000), 2), np.interp(np.arange(8000) / 2, np.arange(4000), noise(4000))):
        assert figures(np.concatenate([early, noise(4000)]))["repeated"] == 1


def test_spectra_that_end_slowly_or_not_at_all():
    white = np.random.default_rng(0).normal(size=40000)
    for codes in (noise(40000), noise(40000, deviation=10), np.rint(np.cumsum(white) * 30), np.zeros(40000)):
        assert figures(codes)["edge"] is None
    assert figures(noise(FRAME - 1))["edge"] is None
    slope = np.fft.irfft(np.fft.rfft(white) * 10 ** (-5 * np.linspace(0, 1, 20001)), 40000) * 3000
    spectrum = np.abs(np.fft.rfft(slope)) ** 2 / 40000
    assert spectrum[16000:].mean() < 0.03 < 1000 < spectrum[:8000].mean(), "sinks below the rounding noise"
    assert figures(np.rint(slope))["edge"] is None


def telephone(codes: np.ndarray, corner: float) -> np.ndarray:
    """Low-pass with a transition of 3 % of the band, as a good filter of a telephone line has."""
    frequency = np.linspace(0, 1, len(codes) // 2 + 1)
    return np.rint(np.fft.irfft(np.fft.rfft(codes) * np.clip((corner + 0.03 - frequency) / 0.03, 0, 1), len(codes)))


def test_a_telephone_filter_ends_above_what_is_warned_of():
    from wavegen.audio.examination.findings import EMPTY_BAND

    assert figures(telephone(noise(40000), 0.85))["edge"] > EMPTY_BAND
    assert figures(telephone(noise(40000), 0.6))["edge"] < EMPTY_BAND


def test_the_embedded_speech_has_nothing_to_say_of():
    from wavegen.audio import files as audio_files

    for path in audio_files.find(folder()):
        assert findings_of(audio_files.read(path).figures) == []


@given(cuts=st.lists(st.integers(0, 5000), max_size=8))
@settings(deadline=None, max_examples=40)
def test_blocks_change_nothing(cuts):
    codes = np.stack([noise(5000), -noise(5000) + noise(5000, 1, 100)], axis=1)
    codes[2000:2010] = 32767
    whole = figures(codes)
    cut = figures(codes, *sorted(cuts))
    assert whole == cut
    assert whole["clipped_runs"] == 2


def test_memory_does_not_grow():
    spectrum = Spectrum(1)
    depth = Depth()
    for seed in range(40):
        spectrum.add(noise(20000, seed)[None] / 32768)
        depth.add(noise(20000, seed)[None] / 32768)
        assert spectrum.tail.size < 20000
    assert spectrum.frames < 80
    assert sum(kept.nbytes for kept in depth.kept) <= 2 * ENOUGH


@given(pcm=hnp.arrays(np.int16, st.integers(1, 60), elements=st.integers(-32768, 32767)))
@settings(deadline=None)
def test_figures_of_pcm(pcm):
    found = pcm_figures(pcm, 8000)
    assert found.get("peak") == np.abs(pcm.astype(int)).max()
    assert found.get("mean") == pytest.approx(pcm.astype(float).mean(), abs=1e-3)
    assert found.get("deviation") == pytest.approx(pcm.astype(float).std(), abs=1e-3)


def test_formats_of_soundfile_have_the_names_that_are_known_here():
    assert {"PCM_U8", "PCM_S8", "ULAW", "ALAW", "PCM_24", "PCM_32", "FLOAT"} <= set(soundfile.available_subtypes())
    assert Rails(1, "PCM_U8").rails[0][0].steep > Rails(1, "PCM_16").rails[0][0].steep

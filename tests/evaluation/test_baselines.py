import io

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from wavegen.errors import UserError
from wavegen.evaluation.baselines import BASELINES, Histogram, flac_bits
from wavegen.evaluation.baselines.flac import metadata_bytes

RNG = np.random.default_rng(0)
PCM = hnp.arrays(np.int16, st.integers(1, 300), elements=st.integers(-32768, 32767))


def noise(samples: int, scale: float) -> np.ndarray:
    return np.clip(np.rint(RNG.normal(size=samples) * scale), -32768, 32767).astype(np.int16)


def test_white_noise_costs_its_entropy_and_a_little():
    uniform = RNG.integers(-32768, 32768, 50000).astype(np.int16)
    assert 16 <= flac_bits(uniform, 8000) / 50000 < 16.1
    entropy = np.log2(300 * np.sqrt(2 * np.pi * np.e))
    assert entropy < flac_bits(noise(50000, 300), 8000) / 50000 < entropy + 0.2


def test_louder_noise_costs_more():
    bits = [flac_bits(noise(20000, scale), 8000) for scale in (1, 10, 100, 1000, 10000)]
    assert bits == sorted(bits)
    assert np.diff(bits) / 20000 == pytest.approx(np.log2(10), abs=0.2)


@pytest.mark.parametrize("value", [0, 1, -32768, 32767])
@pytest.mark.parametrize("samples", [1, 15, 16, 17, 4096, 50000])
def test_constant_files_cost_next_to_nothing(samples, value):
    pcm = np.full(samples, value, np.int16)
    blocks = -(-samples // 4096)
    assert 0 < flac_bits(pcm, 8000) <= blocks * 120


def test_a_sine_is_predicted():
    sine = np.rint(10000 * np.sin(np.arange(30000) / 9)).astype(np.int16)
    assert flac_bits(sine, 8000) < 3 * 30000


@given(pcm=PCM, rate=st.sampled_from([100, 8000, 11025, 44100, 655350, 1000000]))
@settings(deadline=None, max_examples=50)
def test_short_files_of_any_content(pcm, rate):
    assert 64 < flac_bits(pcm, rate) <= 16 * len(pcm) + 160  # a frame's header and footer


def test_no_samples_cost_no_bits():
    assert flac_bits(np.zeros(0, np.int16), 8000) == 0
    assert Histogram.fit([noise(9, 9)]).bits(np.zeros(0, np.int16)) == 0


def test_frames_begin_where_the_metadata_ends():
    file = io.BytesIO()
    soundfile.write(file, noise(9000, 100), 8000, format="FLAC")
    flac = file.getvalue()
    start = metadata_bytes(flac)
    assert flac[start : start + 2] == b"\xff\xf8"  # the sync code of a frame
    padded = flac[:4] + b"\x01\x00\x00\x64" + bytes(100) + flac[4:]
    assert metadata_bytes(padded) == start + 104


@given(recordings=st.lists(PCM, min_size=1, max_size=4).filter(lambda pcms: any(map(len, pcms))))
@settings(deadline=None)
def test_histogram_sums_to_one_over_all_codes(recordings):
    log2_prob = Histogram.fit(recordings).log2_prob
    assert log2_prob.shape == (65536,)
    assert abs(np.exp2(log2_prob).sum() - 1) < 1e-9
    assert log2_prob.min() >= -30 - 1e-9


@given(train=st.lists(PCM, min_size=1, max_size=3).filter(lambda pcms: any(map(len, pcms))), pcm=PCM)
@settings(deadline=None)
def test_histogram_bits_sample_by_sample(train, pcm):
    codes, counts = np.unique(np.concatenate(train), return_counts=True)
    share = dict(zip(codes.tolist(), (counts / counts.sum()).tolist(), strict=True))
    expected = sum(-np.log2((1 - 2**-14) * share.get(code, 0) + 2**-14 / 65536) for code in pcm.tolist())
    assert Histogram.fit(train).bits(pcm) == pytest.approx(expected)


def test_unseen_codes_cost_30_bits():
    assert Histogram.fit([np.zeros(9, np.int16)]).bits(np.ones(2, np.int16)) == pytest.approx(60)


def test_there_is_no_histogram_of_nothing():
    with pytest.raises(UserError, match="no training files to count"):
        Histogram.fit([np.zeros(0, np.int16)])


def test_every_baseline_says_bits_per_file_or_what_is_missing():
    pcms = [noise(500, 100), np.zeros(0, np.int16), noise(900, 3000)]
    names = [baseline.name for baseline in BASELINES]
    assert len(set(names)) == len(names)
    assert {"FLAC", "training histogram"} <= set(names)
    for baseline in BASELINES:
        if (reason := baseline.missing()) is not None:
            assert reason
            assert "\n" not in reason
            continue
        bits = baseline.bits(pcms, 8000, training=[noise(3000, 1000)])
        assert (bits.shape, bits.dtype) == ((3,), np.float64)
        assert bits[1] == 0
        assert 0 < bits[0] < 500 * 30
        assert bits[2] > bits[0]

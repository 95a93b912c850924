"""Peak memory of reading and preparing: one recording's PCM, and a constant."""

import os
import tracemalloc

import numpy as np
import pytest
import soundfile
from noise_corpora import folder_of, noise

from wavegen.audio import files as audio_files
from wavegen.data.preparing import reading
from wavegen.data.preparing.audio import prepare
from wavegen.data.preparing.layouts.base import Listed
from wavegen.data.preparing.reading import ReadingJob, Share, planned

LONG = 8_000_000  # samples; 16 MB
CONSTANT = 40 * audio_files.BLOCK  # bytes; a block is decoded, mixed and resampled in float64


def peak_of(work) -> int:
    tracemalloc.start()
    work()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_of_many_recordings_one_is_held(tmp_path):
    source = folder_of(tmp_path / "source", {f"{n}.wav": noise(400_000) for n in range(40)})
    assert peak_of(lambda: prepare(source, tmp_path / "corpus")) < 15e6  # all 40 are 32 MB
    assert os.path.getsize(tmp_path / "corpus/pcm.i16") == 32_000_000


@pytest.mark.parametrize(
    ("factors", "rate", "cut"),
    [((1, 1), 8000, None), ((1, -1), 8000, 10), ((1,), 16000, None)],
    ids=["averaged", "decoded twice", "resampled"],
)
def test_a_long_recording_takes_its_own_size(tmp_path, factors, rate, cut):
    """Each of two: neither the channels, nor the rate of the file, nor what is examined adds to it."""
    signal = noise(LONG * rate // 8000)
    (tmp_path / "source").mkdir()
    for name in "ab":
        soundfile.write(tmp_path / "source" / f"{name}.wav", signal[:, None] * np.array(factors, np.int16), rate)
    del signal
    peak = peak_of(lambda: prepare(tmp_path / "source", tmp_path / "corpus", sample_rate=8000, cut=cut))
    assert peak < 1.15 * 2 * LONG + CONSTANT
    assert os.path.getsize(tmp_path / "corpus/pcm.i16") == 2 * 2 * LONG


def test_a_share_is_read_one_recording_at_a_time(tmp_path):
    plan = tmp_path / "plan"
    with open(plan, "wb") as file:
        for name in "abc":
            audio_files.write(tmp_path / name, noise(LONG), 8000)
            file.write(reading.json.dumps(planned(Listed(name, tmp_path / name), tmp_path)).encode() + b"\n")

    def read():
        for one in reading.read_shares(ReadingJob(str(plan), 8000, None), [Share(0, 3)], 1):
            assert sum(map(len, one.blocks)) == LONG

    assert peak_of(read) < 1.15 * 2 * LONG + CONSTANT

"""Whole WAV files whose chunks lie unusually are read, or refused for what they are."""

import io
import struct

import bad_audio
import numpy as np
import pytest
import soundfile
from written_headers import chunk, read, refusal

PLAIN = bad_audio.coded("WAV")
AGAIN = "write the file again with the program that it is from"


def riff(*parts, form=b"WAVE"):
    body = form + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def form(rate=8000):
    return chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, rate, 2 * rate, 2, 16))


DATA = chunk(b"data", bad_audio.NOISE.astype("<i2").tobytes())


def coded(subtype, channels=1, **named):
    file = io.BytesIO()
    signal = bad_audio.NOISE if channels == 1 else np.stack([bad_audio.NOISE, -bad_audio.NOISE // 3], axis=1)
    soundfile.write(file, signal / 32768, 8000, format="WAV", subtype=subtype, **named)
    return file.getvalue()


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT", "ULAW", "MS_ADPCM", "IMA_ADPCM"])
@pytest.mark.parametrize("order", ["LITTLE", "BIG"])
def test_an_odd_chunk_without_padding_before_the_samples_is_no_matter(tmp_path, subtype, channels, order):
    if order == "BIG" and subtype.endswith("ADPCM"):
        pytest.skip("libsndfile writes none")
    whole = coded(subtype, channels, endian=order)
    size = struct.pack("<I" if order == "LITTLE" else ">I", 3)
    found = read(tmp_path, whole[:12] + b"JUNK" + size + b"abc" + whole[12:])
    assert np.array_equal(found.pcm, read(tmp_path, whole).pcm)
    assert found.warnings == ()


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT", "MS_ADPCM"])
def test_bw64_is_read(tmp_path, subtype, channels):
    whole = coded(subtype, channels)
    assert np.array_equal(read(tmp_path, b"BW64" + whole[4:]).pcm, read(tmp_path, whole).pcm)
    assert "truncated" in refusal(tmp_path, (b"BW64" + whole[4:])[:-900])


def test_bw64_with_sizes_of_64_bits_is_read(tmp_path):
    assert np.array_equal(read(tmp_path, b"BW64" + bad_audio.coded("RF64")[4:]).pcm, bad_audio.NOISE)


def test_gsm_behind_an_unusual_header_is_named(tmp_path):
    assert "holds GSM behind an unusual header" in refusal(tmp_path, b"BW64" + coded("GSM610")[4:])


def test_a_format_given_twice_is_read_if_it_is_one(tmp_path):
    assert np.array_equal(read(tmp_path, riff(form(), form(), DATA)).pcm, bad_audio.NOISE)
    assert f"holds two formats that differ; {AGAIN}" in refusal(tmp_path, riff(form(), form(16000), DATA))


def test_whole_files_in_another_order_are_not_called_damaged(tmp_path):
    assert f"no format stands before its samples; {AGAIN}" in refusal(tmp_path, riff(DATA, form()))
    waves = chunk(b"LIST", b"wavl" + DATA + chunk(b"slnt", bytes(4)) + DATA)
    assert f"its samples lie in a wave list, which cannot be read; {AGAIN}" in refusal(tmp_path, riff(form(), waves))

"""One rule for every container: fewer bytes than declared are refused, and so are many that nothing explains."""

import io
import os
import struct
from pathlib import Path

import bad_audio
import numpy as np
import pytest
import soundfile
from written_headers import JUNK, chunk, read, refusal

import wavegen
from wavegen.audio import files as audio_files
from wavegen.errors import UserError

LENGTHS = ["AIFF", "AU", "AVR", "CAF", "MAT4", "MPC2K", "NIST", "RF64", "SVX", "VOC", "W64", "WAV", "WAVEX", "WVE"]


def coded(format, subtype="PCM_16"):
    file = io.BytesIO()
    if format == "WVE":
        subtype = "ALAW"
    soundfile.write(file, bad_audio.NOISE, 8000, format=format, subtype=subtype)
    return file.getvalue()


@pytest.mark.parametrize("format", LENGTHS)
@pytest.mark.parametrize("share", [0.3, 0.5, 0.99])
def test_a_cut_file_is_refused(tmp_path, format, share):
    whole = coded(format)
    assert "truncated: its header declares" in refusal(tmp_path, whole[: int(share * len(whole))])


@pytest.mark.parametrize("format", [*LENGTHS, "MP3", "OGG"])
def test_some_bytes_of_unknown_kind_are_warned_of_and_not_scored(tmp_path, format):
    whole = coded(format, {"MP3": "MPEG_LAYER_III", "OGG": "VORBIS"}.get(format, "PCM_16"))
    alone = read(tmp_path, whole)
    followed = read(tmp_path, whole + JUNK)
    assert alone.warnings == ()
    assert np.array_equal(followed.pcm, alone.pcm)
    assert len(alone.pcm) == len(bad_audio.NOISE)
    assert followed.warnings == ("250 bytes after its samples are no chunk or tag; they were passed over",)


@pytest.mark.parametrize("format", LENGTHS)
def test_many_bytes_of_unknown_kind_are_refused(tmp_path, format):
    line = refusal(tmp_path, coded(format) + 40 * JUNK)
    assert "10000 more follow that are no chunk or tag" in line
    assert "sox --ignore-length" in line


@pytest.mark.parametrize("format", [*LENGTHS, "FLAC", "MP3", "OGG"])
@pytest.mark.parametrize("tail", [bytes(2048), b"TAG" + bytes(125), b"\0"])
def test_padding_and_tags_after_the_samples_are_no_matter(tmp_path, format, tail):
    whole = coded(format, {"MP3": "MPEG_LAYER_III", "OGG": "VORBIS"}.get(format, "PCM_16"))
    found = read(tmp_path, whole + tail)
    assert found.warnings == ()
    assert np.array_equal(found.pcm, read(tmp_path, whole).pcm)


@pytest.mark.parametrize("format", ["AIFF", "AU", "AVR", "CAF", "FLAC", "MP3", "NIST", "OGG", "RF64", "W64", "WAV"])
def test_two_files_joined_end_to_end_are_refused(tmp_path, format):
    whole = coded(format, {"MP3": "MPEG_LAYER_III", "OGG": "VORBIS"}.get(format, "PCM_16"))
    line = refusal(tmp_path, whole + whole)
    assert f"begins at byte {len(whole)}" in line
    assert f"head -c {len(whole)} IN" in line


def too_small(whole, name, order, width, declared):
    """`whole` with the size after the chunk `name` set to `declared`."""
    place = whole.index(name) + (16 if name == b"data\xf3\xac" else len(name))
    return whole[:place] + declared.to_bytes(width, order) + whole[place + width :]


@pytest.mark.parametrize(
    ("format", "name", "order", "width", "declared"),
    [("WAV", b"data", "little", 4, 1000), ("AIFF", b"SSND", "big", 4, 1008),
     ("W64", b"data\xf3\xac", "little", 8, 1024), ("CAF", b"data", "big", 8, 1004), ("SVX", b"BODY", "big", 4, 1000),
     ("AU", b"\0\0\0\x18", "big", 4, 1000),
     ("RF64", b"ds64\x1c\0\0\0" + struct.pack("<Q", 40096), "little", 8, 1000),
     ("NIST", b"sample_count -i ", "little", 5, int.from_bytes(b"00500", "little"))],
)  # fmt: skip
def test_a_size_that_is_too_small_is_refused_with_the_bytes_left_over(tmp_path, format, name, order, width, declared):
    assert "declares 1000 bytes of audio, but 39000 more follow" in refusal(
        tmp_path, too_small(coded(format), name, order, width, declared)
    )


def test_a_size_of_zero_is_refused_whatever_the_file_says_of_itself(tmp_path):
    for riff in (36, 36 + len(bad_audio.NOISE) * 2):
        assert "declares no samples though 40000 bytes follow" in refusal(
            tmp_path, bad_audio.wav(declared=0, riff=riff)
        )


@pytest.mark.parametrize("channels", [1, 2])
def test_a_size_that_wrapped_at_4_gib_is_refused(tmp_path, channels):
    size = 4_400_000_000
    contents = bad_audio.wav(b"", declared=size & 0xFFFFFFFF, riff=(size + 36) & 0xFFFFFFFF, channels=channels)
    (tmp_path / "a.wav").write_bytes(contents)
    os.truncate(tmp_path / "a.wav", 44 + size)  # takes no room on the disk
    with pytest.raises(UserError, match=r"4294967296 more follow .* wrapped round.*WHOLE\.w64"):
        audio_files.read(tmp_path / "a.wav")


@pytest.mark.parametrize(
    "tail",
    [chunk(b"LIST", b"INFOISFT\4\0\0\0abcd"), chunk(b"id3 ", b"ID3\3" + bytes(99)), chunk(b"bext", bytes(602)),
     chunk(b"LIST", b"INFO!", pad=False) + chunk(b"cue ", bytes(4)), chunk(b"LIST", bytes(400))[:100],
     chunk(b"XYZ1", JUNK) + chunk(b"JUNK", bytes(10_000)), b"ID3\3\0\0\0\0\1\0" + bytes(128),
     b"APETAGEX" + struct.pack("<IIII", 2000, 40, 1, 1 << 29) + bytes(48),
     chunk(b"LIST", b"INFO") + b"TAG" + JUNK[:125]],
)  # fmt: skip
def test_chunks_after_the_samples_are_no_matter(tmp_path, tail):
    for contents in (bad_audio.wav() + tail, bad_audio.wav(bad_audio.NOISE.tobytes()[:-1]) + b"\0" + tail):
        assert read(tmp_path, contents).warnings == ()


def test_a_second_chunk_of_samples_is_refused(tmp_path):
    second = chunk(b"LIST", b"INFO") + chunk(b"data", bad_audio.NOISE.tobytes())
    assert "holds two 'data' chunks" in refusal(tmp_path, bad_audio.wav() + second)


@pytest.mark.parametrize(("format", "suffix"), [("WAV", "LIST"), ("AIFF", "XYZ1"), ("SVX", "XYZ1")])
def test_chunks_of_other_containers_are_no_samples(tmp_path, format, suffix):
    whole = coded(format)
    order = "little" if format == "WAV" else "big"
    tail = suffix.encode() + (9000).to_bytes(4, order) + JUNK * 36
    found = read(tmp_path, whole + tail)
    assert found.warnings == ()
    assert np.array_equal(found.pcm, read(tmp_path, whole).pcm)


def test_chunks_of_wave64_are_no_samples(tmp_path):
    tail = b"levl" + bytes.fromhex("f3acd3118cd100c04f8edb8a") + struct.pack("<Q", 24 + 8000) + JUNK * 32
    found = read(tmp_path, coded("W64") + tail)
    assert len(found.pcm) == len(bad_audio.NOISE)
    assert found.warnings == ()


@pytest.mark.parametrize("start", [b"ID3\3\0\0\0\0\0\x10" + bytes(16), 2 * (b"ID3\4\0\0\0\0\0\x10" + bytes(16))])
@pytest.mark.parametrize("format", ["WAV", "AIFF", "FLAC"])
def test_tags_before_a_container_are_no_matter(tmp_path, format, start):
    found = read(tmp_path, start + coded(format))
    assert np.array_equal(found.pcm, bad_audio.NOISE)
    assert "truncated" in refusal(tmp_path, start + coded(format)[:-999]) or format == "FLAC"


@pytest.mark.parametrize(("format", "subtype"), [("WAV", "GSM610"), ("WAV", "MS_ADPCM"), ("WAV", "G721_32"),
                                                 ("WAV", "NMS_ADPCM_16"), ("W64", "GSM610")])  # fmt: skip
@pytest.mark.parametrize("samples", [1, 159, 1000, 12345])
def test_padding_of_the_last_block_is_not_read(tmp_path, format, subtype, samples):
    file = io.BytesIO()
    soundfile.write(file, np.resize(bad_audio.NOISE, samples), 8000, format=format, subtype=subtype)
    found = read(tmp_path, file.getvalue())
    if samples > 1 or (format, subtype) == ("WAV", "GSM610"):  # a single one is not in every fact chunk
        assert len(found.pcm) == samples
    assert found.warnings == ()


def ima(samples, counted):
    """A WAV file of IMA ADPCM, as SoX writes it, with that number in its fact chunk."""
    blocks = -(-samples // 505)
    form = struct.pack("<HHIIHHHH", 0x11, 1, 8000, 4055, 256, 4, 2, 505)
    parts = chunk(b"fmt ", form) + chunk(b"fact", struct.pack("<I", counted)) + chunk(b"data", bytes(256 * blocks))
    return b"RIFF" + struct.pack("<I", 4 + len(parts)) + b"WAVE" + parts


def test_a_count_of_samples_that_cannot_be_is_said(tmp_path):
    assert len(read(tmp_path, ima(1000, 1000)).pcm) == 1000
    half = read(tmp_path, ima(10_000, 5000))
    assert len(half.pcm) == 10_100
    assert half.warnings == ("its header counts 5000 samples, but 10100 are there; all of them were read",)
    assert read(tmp_path, ima(1000, 0)).warnings == ()


def test_an_adpcm_of_two_channels_counted_as_one_is_not_cut(tmp_path):
    file = io.BytesIO()
    soundfile.write(file, np.resize(bad_audio.NOISE, (300, 2)), 8000, format="WAV", subtype="IMA_ADPCM")
    found = read(tmp_path, file.getvalue())
    assert len(found.pcm) == 505  # libsndfile counts 252 of the 300
    assert found.warnings == ()


def test_several_blocks_of_sound_in_a_voice_file_are_refused(tmp_path):
    whole = coded("VOC")
    block = b"\2" + (1000).to_bytes(3, "little") + JUNK * 4
    assert "several blocks of sound" in refusal(tmp_path, whole[:-1] + block + b"\0")
    silence = b"\3\3\0\0\xff\x1f\x83"  # with the terminator the 8 bytes that SoX counts too few
    assert "several blocks of sound" in refusal(tmp_path, whole[:-1] + silence + b"\0")


@pytest.mark.parametrize("subtype", ["ULAW", "ALAW"])
@pytest.mark.parametrize("samples", [1000, 12345])
def test_the_end_of_a_voice_file_is_no_sample(tmp_path, subtype, samples):
    file = io.BytesIO()
    soundfile.write(file, np.resize(bad_audio.NOISE, samples), 8000, format="VOC", subtype=subtype)
    assert len(read(tmp_path, file.getvalue()).pcm) == samples


@pytest.mark.parametrize("rate", [8000, 44100])
@pytest.mark.parametrize("declared", [0.5, 0.01])
def test_a_flac_header_that_says_less_than_there_is_is_refused(tmp_path, rate, declared):
    file = bytearray(bad_audio.coded("FLAC", rate=rate))
    frames = int(declared * len(bad_audio.NOISE))
    file[21], file[22:26] = file[21] & 0xF0, frames.to_bytes(4, "big")
    assert f"declares {frames} samples, but at least 20000 are there" in refusal(tmp_path, bytes(file))


@pytest.mark.parametrize("loud", [10, 3000])
def test_a_long_flac_file_after_another_of_its_length_is_refused(tmp_path, loud):
    noise = np.random.default_rng(0).normal(size=(500_000, 2))
    first = bad_audio.coded("FLAC", values=(noise * 3000).astype(np.int16))
    second = bad_audio.coded("FLAC", values=(noise * loud).astype(np.int16))
    assert len(second) > 3e5
    assert f"another FLAC file begins at byte {len(first)}" in refusal(tmp_path, first + second)


def test_a_flac_file_of_one_frame_that_says_less_is_refused(tmp_path):
    file = bytearray(bad_audio.coded("FLAC", values=bad_audio.NOISE[:1000]))
    file[22:26] = (100).to_bytes(4, "big")
    assert "declares 100 samples, but at least 1000 are there" in refusal(tmp_path, bytes(file))


@pytest.mark.parametrize(
    ("format", "name", "order", "width", "declared"),
    [("WAV", b"data", "little", 4, 0xFFFFFFFF), ("AIFF", b"SSND", "big", 4, 0x7F000008),
     ("AU", b"\0\0\0\x18", "big", 4, 0xFFFFFFFF), ("W64", b"data\xf3\xac", "little", 8, 0x7FFFFFFFFFFFFFFF)],
)  # fmt: skip
def test_samples_go_on_to_the_end_where_a_program_left_their_size_open(tmp_path, format, name, order, width, declared):
    whole = coded(format)
    found = read(tmp_path, too_small(whole, name, order, width, declared))
    assert np.array_equal(found.pcm, bad_audio.NOISE)
    assert found.warnings == ()


def test_a_caf_file_of_unknown_length_is_not_called_damaged(tmp_path):
    line = refusal(tmp_path, too_small(coded("CAF"), b"data", "big", 8, 2**64 - 1))
    assert "declares no length, as if written into a pipe" in line


def test_a_wave64_file_that_was_not_finished_is_refused(tmp_path):
    assert "declares no samples though 40000 bytes" in refusal(
        tmp_path, too_small(coded("W64"), b"data\xf3\xac", "little", 8, 0x17)
    )


def test_prepare_takes_no_cut_file_for_a_whole_one(tmp_path):
    (tmp_path / "s").mkdir()
    for format in ("NIST", "AU", "W64"):
        whole = coded(format)
        (tmp_path / "s" / f"{format}.wav").write_bytes(whole[: len(whole) // 2])
    audio_files.write(tmp_path / "s" / "whole.wav", bad_audio.NOISE, 8000)
    audit = wavegen.prepare(tmp_path / "s", tmp_path / "corpus")
    refused = {Path(line["file"]).name: line["reason"] for line in audit["refused"]}
    assert sorted(refused) == ["AU.wav", "NIST.wav", "W64.wav"]
    assert all("truncated: its header declares 40000 bytes" in line for line in refused.values())
    assert audit["samples"] == len(bad_audio.NOISE)

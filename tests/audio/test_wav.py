"""The parts of WAV files, and what is refused."""

import os
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavegen.audio.wav import plain_header, read_wav
from wavegen.errors import UserError


def chunk(name, contents):
    return name + struct.pack("<I", len(contents)) + contents + b"\0" * (len(contents) % 2)


def form(channels=1, depth=16, kind=1, rate=8000):
    align = channels * depth // 8
    return struct.pack("<HHIIHH", kind, channels, rate, rate * align, align, depth)


def riff(*chunks):
    contents = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(contents)) + contents


@given(
    st.binary(max_size=40), st.integers(1, 2), st.binary(max_size=101), st.binary(max_size=30), st.integers(100, 96000)
)  # fmt: skip
def test_the_parts_make_the_whole(tmp_path_factory, before, channels, data, after, rate):
    path = tmp_path_factory.mktemp("wav") / "a.wav"
    contents = riff(chunk(b"LIST", before), chunk(b"fmt ", form(channels, rate=rate)), chunk(b"data", data)) + after
    path.write_bytes(contents)
    wav = read_wav(path)
    assert (wav.channels, wav.sample_rate, wav.frames) == (channels, rate, len(data) // (2 * channels))
    pcm = wav.pcm(0, wav.frames)
    assert pcm.tolist() == np.frombuffer(data[: 2 * channels * wav.frames], "<i2").reshape(-1, channels).tolist()
    assert wav.pcm(wav.frames // 2, wav.frames).tolist() == pcm[wav.frames // 2 :].tolist()
    assert wav.header + pcm.tobytes() + b"".join(wav.trailer()) == contents


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF, 101])
def test_samples_go_on_to_the_end_where_no_length_is_known(tmp_path, size):
    path = tmp_path / "a.wav"
    path.write_bytes(riff(chunk(b"fmt ", form())) + b"data" + struct.pack("<I", size) + b"abcde")
    wav = read_wav(path)
    assert (wav.frames, b"".join(wav.trailer())) == (2, b"e")


def test_the_plain_header_is_what_audio_files_begin_with(tmp_path):
    from wavegen.audio import files as audio_files

    audio_files.write(tmp_path / "a.wav", np.arange(7, dtype=np.int16), 16000)
    assert read_wav(tmp_path / "a.wav").header == plain_header(16000, 1, 7)
    stereo = plain_header(8000, 2, 3)
    assert stereo == riff(chunk(b"fmt ", form(2)), chunk(b"data", bytes(12)))[:44]


BAD = {
    "a text": (b"hello, this is no audio at all", "is text, not a WAV file"),
    "nothing": (b"", "is not a WAV file"),
    "24 bits": (riff(chunk(b"fmt ", form(depth=24)), chunk(b"data", b"abc")), "24-bit samples"),
    "floats": (riff(chunk(b"fmt ", form(kind=3, depth=32)), chunk(b"data", b"abcd")), "floating-point numbers"),
    "mu-law": (riff(chunk(b"fmt ", form(kind=7, depth=8)), chunk(b"data", b"abcd")), "mu-law"),
    "six channels": (riff(chunk(b"fmt ", form(6)), chunk(b"data", bytes(12))), "6 channels"),
    "no channel": (riff(chunk(b"fmt ", form(0)), chunk(b"data", bytes(12))), "0 channels"),
    "no samples": (riff(chunk(b"fmt ", form())), "ends before its samples"),
    "no format": (riff(chunk(b"data", bytes(12))), "no format"),
    "a short format": (riff(chunk(b"fmt ", form()[:9]), chunk(b"data", bytes(12))), "no format"),
    "floats, extensible": (
        riff(chunk(b"fmt ", form(kind=0xFFFE, depth=32) + bytes(8) + b"\3\0" + bytes(14)), chunk(b"data", b"")),
        "floating-point",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_taken_is_named(tmp_path, name):
    contents, words = BAD[name]
    path = tmp_path / "bad.wav"
    path.write_bytes(contents)
    with pytest.raises(UserError, match=words) as refusal:
        read_wav(path)
    assert str(path) in str(refusal.value)


def test_pcm_may_be_declared_extensible(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(riff(chunk(b"fmt ", form(kind=0xFFFE) + bytes(8) + b"\1\0" + bytes(14)), chunk(b"data", b"abcd")))
    assert read_wav(path).frames == 2


def test_more_than_the_container_holds_is_refused(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(riff(chunk(b"fmt ", form()), chunk(b"data", bytes(100))))
    os.truncate(path, 5 << 30)  # takes no room on the disk
    with pytest.raises(UserError, match="bytes after its samples"):
        read_wav(path)
    path.write_bytes(riff(chunk(b"JUNK", bytes(1 << 24)), chunk(b"fmt ", form()), chunk(b"data", bytes(100))))
    with pytest.raises(UserError, match="bytes before its samples"):
        read_wav(path)


def test_a_file_that_is_gone_is_named(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(riff(chunk(b"fmt ", form()), chunk(b"data", bytes(100))))
    wav = read_wav(path)
    path.unlink()
    with pytest.raises(UserError, match=r"a\.wav: cannot be read"):
        wav.pcm(0, 1)


def test_a_file_that_shrinks_meanwhile_is_noticed(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(riff(chunk(b"fmt ", form()), chunk(b"data", bytes(100))) + b"tail")
    wav = read_wav(path)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(UserError, match="became shorter"):
        wav.pcm(0, wav.frames)
    with pytest.raises(UserError, match="became shorter"):
        list(wav.trailer())


def test_samples_that_the_header_does_not_declare_are_warned_of(tmp_path):
    path = tmp_path / "a.wav"
    noise = np.random.default_rng(0).bytes(40_000)
    whole = riff(chunk(b"fmt ", form()), chunk(b"data", noise))
    for declared, words in {
        1000: "39000 bytes after its samples are no chunk or tag; they are kept as they are, not compressed",
        0: "40000 bytes after its samples",
        40_000: None,
        0xFFFFFFFF: None,
    }.items():
        path.write_bytes(whole[:40] + struct.pack("<I", declared) + whole[44:])
        wav = read_wav(path)
        assert (wav.warning or "").startswith(words or "")
        assert (wav.warning is None) == (words is None)
        assert wav.header + wav.pcm(0, wav.frames).tobytes() + b"".join(wav.trailer()) == path.read_bytes()


@pytest.mark.parametrize("tail", [chunk(b"LIST", b"INFO"), b"TAG" + bytes(range(1, 126)), b"\0", bytes(2048)])
def test_chunks_and_tags_after_the_samples_are_not_warned_of(tmp_path, tail):
    (tmp_path / "a.wav").write_bytes(riff(chunk(b"fmt ", form()), chunk(b"data", bytes(1000))) + tail)
    assert read_wav(tmp_path / "a.wav").warning is None


def test_another_file_after_the_samples_is_warned_of(tmp_path):
    whole = riff(chunk(b"fmt ", form()), chunk(b"data", bytes(1000)))
    (tmp_path / "a.wav").write_bytes(whole + whole)
    assert read_wav(tmp_path / "a.wav").warning == (
        f"another WAV file follows at byte {len(whole)}; it is kept as it is, not compressed"
    )
    (tmp_path / "a.wav").write_bytes(whole + chunk(b"data", bytes(10)))
    assert "another data chunk follows" in str(read_wav(tmp_path / "a.wav").warning)

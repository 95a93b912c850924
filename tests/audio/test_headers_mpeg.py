"""MP3: tags, junk, what the first frame declares, and other containers around it."""

import struct

import bad_audio
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from written_headers import JUNK, chunk, read, refusal

from wavegen.audio.headers import mpeg

XING = bad_audio.coded("MP3", rate=16000)


def frames(file):
    """The frames of an MP3 file as its first frame has it, which says how many there are, and the rest."""
    header = mpeg.frame_of(file[:4])
    assert header is not None
    return file[: header.size], file[header.size :]


PLAIN = frames(XING)[1]


def tag(size):
    head = b"ID3\3\0\0" + bytes(size >> shift & 127 for shift in (21, 14, 7, 0))
    return head + b"APIC" + struct.pack(">I", size - 10) + bytes(size - 8)


@pytest.mark.parametrize("file", [XING, PLAIN], ids=["with Xing", "without"])
@pytest.mark.parametrize(
    "before",
    [tag(100), tag(100) + tag(300), tag(3000) + tag(300_000), tag(60_000), bytes(500), tag(50) + bytes(5000)],
    ids=["a tag", "two", "two with a cover", "a cover", "zeros", "a tag and zeros"],
)
def test_tags_and_zeros_before_the_first_frame_are_no_matter(tmp_path, file, before):
    alone = read(tmp_path, file)
    found = read(tmp_path, before + file)
    assert np.array_equal(found.pcm, alone.pcm)
    assert found.warnings == ()
    assert len(found.pcm) >= len(bad_audio.NOISE)


@pytest.mark.parametrize("file", [XING, PLAIN], ids=["with Xing", "without"])
def test_junk_before_the_first_frame_is_said(tmp_path, file):
    found = read(tmp_path, JUNK * 3 + file)
    assert np.array_equal(found.pcm, read(tmp_path, file).pcm)
    assert found.warnings == ("750 bytes before or between its frames are no MPEG audio; they were passed over",)


def test_a_tag_between_two_parts_without_lengths_is_no_matter(tmp_path):
    found = read(tmp_path, PLAIN + tag(200) + PLAIN)
    assert len(found.pcm) == 2 * len(read(tmp_path, PLAIN).pcm)
    assert found.warnings == ()


@pytest.mark.parametrize("between", [b"", tag(300), b"TAG" + bytes(125) + tag(20)])
def test_a_second_recording_is_refused(tmp_path, between):
    line = refusal(tmp_path, XING + between + XING)
    assert f"another MP3 recording begins at byte {len(XING + between)}" in line


def test_a_second_recording_at_another_rate_is_refused(tmp_path):
    other = frames(bad_audio.coded("MP3", rate=44100))[1]
    assert f"changes at byte {len(PLAIN)}" in refusal(tmp_path, PLAIN + other)
    stereo = frames(bad_audio.coded("MP3", values=np.stack([bad_audio.NOISE] * 2, axis=1), rate=16000))[1]
    assert f"changes at byte {len(PLAIN)}" in refusal(tmp_path, PLAIN + stereo)


def test_frames_more_or_fewer_than_declared_are_refused(tmp_path):
    first, rest = frames(XING)
    place = first.index(b"Xing" if b"Xing" in first else b"Info") + 8
    declared = int.from_bytes(first[place : place + 4], "big")

    def saying(number):
        return first[:place] + number.to_bytes(4, "big") + first[place + 4 :] + rest

    assert f"declares {declared // 2} frames, but {declared} are there" in refusal(tmp_path, saying(declared // 2))
    assert f"declares {2 * declared} frames, {declared} are there" in refusal(tmp_path, saying(2 * declared))
    one_less = read(tmp_path, saying(declared - 1))
    assert one_less.warnings == (f"its first frame declares {declared - 1} frames, 1 more were passed over",)


def test_a_last_frame_that_is_cut_short_is_said(tmp_path, capfd):
    found = read(tmp_path, PLAIN[:-20])
    assert found.warnings == ("its last frame is cut short; its end may be missing",)
    assert capfd.readouterr().err == ""


def inside_riff(file, samples):
    form = struct.pack("<HHIIHHHHIHHH", 0x55, 1, 16000, 3000, 1, 0, 12, 1, 2, 216, 1, 0)
    parts = chunk(b"fmt ", form) + chunk(b"fact", struct.pack("<I", samples)) + chunk(b"data", file)
    return b"RIFF" + struct.pack("<I", 4 + len(parts)) + b"WAVE" + parts


@pytest.mark.parametrize("samples", [0, 3, 99_999])
@pytest.mark.parametrize("file", [XING, PLAIN, PLAIN[:-20]])
def test_mp3_inside_riff_is_read(tmp_path, file, samples):
    found = read(tmp_path, inside_riff(file, samples))
    assert np.array_equal(found.pcm, read(tmp_path, file).pcm)
    assert found.lossy


@pytest.mark.parametrize("file", [XING, PLAIN])
def test_mp3_inside_riff_has_the_samples_that_are_counted_if_it_can(tmp_path, file):
    alone = read(tmp_path, file).pcm
    for less, trimmed in ((0, 0), (1, 1), (300, 300), (9 * 576, 0)):
        found = read(tmp_path, inside_riff(file, len(alone) - less))
        assert np.array_equal(found.pcm, alone[: len(alone) - trimmed])
        assert found.warnings == ()


@given(st.binary(max_size=3000))
def test_noise_is_no_mp3(tmp_path_factory, contents):
    path = tmp_path_factory.mktemp("noise") / "a.mp3"
    path.write_bytes(b"\xff\xfb" + contents)
    assert "a.mp3: " in refusal(path.parent, b"\xff\xfb\x90\x64" + contents).replace("/a: ", "/a.mp3: ")


@pytest.mark.parametrize("seed", range(3))
def test_noise_that_looks_like_a_frame_here_and_there_is_no_mp3(tmp_path, seed):
    contents = bytearray(np.random.default_rng(seed).bytes(300_000))
    contents[:2] = b"ab"
    for place in range(1000, 300_000, 5000):
        contents[place : place + 4] = b"\xff\xfb\x90\x64"
    assert "is not an audio file" in refusal(tmp_path, bytes(contents))


def test_the_sizes_of_frames_are_those_of_the_standard():
    assert mpeg.frame_of(bytes.fromhex("fffb9064")) == mpeg.Frame(417, 1152, 44100, 2, 3, 3)
    assert mpeg.frame_of(bytes.fromhex("fffb9264")) == mpeg.Frame(418, 1152, 44100, 2, 3, 3)
    assert mpeg.frame_of(bytes.fromhex("fff388c4")) == mpeg.Frame(288, 576, 16000, 1, 2, 3)
    assert mpeg.frame_of(bytes.fromhex("fffd8404")) == mpeg.Frame(384, 1152, 48000, 2, 3, 2)
    assert mpeg.frame_of(bytes.fromhex("ffe348c4")) == mpeg.Frame(288, 576, 8000, 1, 0, 3)
    for header in ("fffbf064", "fffb9c64", "ffeb9064", "fff99064", "fefb9064"):
        assert mpeg.frame_of(bytes.fromhex(header)) is None

"""Whole files that cannot be read are not called damaged: the line says what they hold and what to do."""

import itertools
import struct

import bad_audio
import numpy as np
import pytest
from written_headers import chunk, read, refusal

from wavegen.audio import files as audio_files
from wavegen.audio import headers
from wavegen.errors import UserError


def page(first, serial=1, flags=2, number=0):
    head = b"OggS\0" + bytes([flags]) + struct.pack("<QIII", 0, serial, number, 0)
    return checked(head + b"\1" + bytes([len(first)]) + first)


def checked(page):
    """A page of Ogg with its checksum (RFC 3533, section 6), bit by bit."""
    remainder = 0
    for byte in page[:22] + bytes(4) + page[26:]:
        remainder ^= byte << 24
        for _ in range(8):
            remainder = (remainder << 1) ^ (0x104C11DB7 if remainder >> 31 else 0)
    return page[:22] + struct.pack("<I", remainder) + page[26:]


def wav(tag, bits=16, extension=b"", data=bytes(400)):
    form = struct.pack("<HHIIHH", tag, 1, 8000, 1000 * bits, bits // 8, bits) + extension
    parts = chunk(b"fmt ", form) + chunk(b"data", data)
    return b"RIFF" + struct.pack("<I", 4 + len(parts)) + b"WAVE" + parts


def extensible(tag, bits):
    return wav(0xFFFE, bits, struct.pack("<HHIH", 22, bits, 4, tag) + bytes.fromhex("000000001000800000aa00389b71"))


def caf(coding):
    desc = struct.pack(">d4sIIIII", 8000, coding, 0, 0, 1024, 1, 0)
    return b"caff\0\1\0\0desc" + struct.pack(">q", 32) + desc + b"data" + struct.pack(">q", 104) + bytes(104)


def mp4(coding):
    return b"\0\0\0\x18ftypM4A " + bytes(300) + b"stsd" + bytes(12) + coding + bytes(40)


def au(coding):
    return b".snd" + struct.pack(">IIIII", 24, 400, coding, 8000, 1) + bytes(400)


def voc(coding):
    whole = bad_audio.coded("VOC")
    return whole[:36] + struct.pack("<H", coding) + whole[38:]


def svx(compression):
    whole = bad_audio.coded("SVX")
    at = whole.index(b"VHDR") + 8 + 15
    return whole[:at] + bytes([compression]) + whole[at + 1 :]


HOLDS = {
    "FLAC in Ogg": page(b"\x7fFLAC\1\0" + bytes(40)), "Speex": page(b"Speex   1.2" + bytes(60)),
    "ALAC in WAV": wav(0x6C61), "AAC in WAV": wav(0xFF), "G.722 in WAV": wav(0x28F), "FLAC in WAV": wav(0xF1AC),
    "coding 0x7777 in WAV": wav(0x7777), "AAC in CAF": caf(b"aac "), "Opus in CAF": caf(b"opus"),
    "64-bit integers": wav(1, 64), "16-bit floating-point numbers": wav(3, 16),
    "AAC in an MP4": mp4(b"mp4a"), "ALAC in an MP4": mp4(b"alac"),
    "Opus in a Matroska": b"\x1a\x45\xdf\xa3" + bytes(90) + b"\x86\x86A_OPUS" + bytes(90),
    "Windows Media": bytes.fromhex("3026b2758e66cf11") + bytes(90), "AMR": b"#!AMR\n" + bytes(90),
    "AC-3": b"\x0b\x77" + bytes(90), "AAC,": bytes.fromhex("fff15080") + bytes(90), "WavPack": b"wvpk" + bytes(90),
    "QCELP or EVRC": b"RIFF\0\1\0\0QLCMfmt " + bytes(90), "QOA": b"qoaf" + bytes(90), "ATRAC": b"EA3\1" + bytes(90),
    "iLBC": b"#!iLBC30\n" + bytes(90), "EVRC": b"#!EVRC\n" + bytes(90), "Codec 2": b"\xc0\xde\xc2" + bytes(90),
    "an MPEG program stream": b"\0\0\1\xba" + bytes(90), "an MPEG transport stream": 4 * (b"G" + bytes(187)),
    "G.722 ADPCM in AU": au(24), "coding 99 in AU": au(99), "ADPCM in VOC": voc(1), "ADPCM in VOC,": voc(0x200),
    "compressed samples in 8SVX": svx(1),
    "Monkey's Audio": b"MAC " + bytes(90), "DTS": bytes.fromhex("7ffe8001") + bytes(90), "DSD": b"DSD " + bytes(90),
}  # fmt: skip
ELSE = {
    "is a ZIP archive; unpack it": b"PK\3\4" + bytes(90),
    "is compressed with gzip; unpack it": b"\x1f\x8b\x08" + bytes(90),
    "is a web page, as after a failed download": b"\n<!DOCTYPE html><html>404</html>",
    "is a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "is a MIDI file": b"MThd\0\0\0\6" + bytes(90),
    "is compressed with zstd; unpack it": b"\x28\xb5\x2f\xfd" + bytes(90),
    "is an archive; unpack it": b"a.wav".ljust(257, b"\0") + b"ustar" + bytes(250),
    "restore it with: wavegen decompress MODEL IN OUT.wav": b"wgn\n" + bytes(90),
    "decoder of Skype's SILK SDK": b"\2#!SILK_V3" + bytes(90),
    "is a file of NumPy, not an audio file; WAV, FLAC,": b"PK\3\4" + bytes(26) + b"mel.npy" + bytes(90),
    "is text, not an audio file; WAV, FLAC,": b'{"error": "no quota"}',
    "is a picture, not an audio file; WAV, FLAC,": b"\x89PNG\r\n\x1a\n" + bytes(90),
}


@pytest.mark.parametrize("coding", HOLDS)
def test_a_coding_that_cannot_be_read_is_named(tmp_path, coding):
    line = refusal(tmp_path, HOLDS[coding])
    assert f": holds {coding}" in line
    assert line.endswith("which cannot be read; convert it, as with: ffmpeg -i IN OUT.wav")


@pytest.mark.parametrize("words", ELSE)
def test_what_is_no_sound_is_named(tmp_path, words):
    assert words in refusal(tmp_path, ELSE[words])


def test_a_coding_is_named_behind_an_extension(tmp_path):
    assert "holds 64-bit integers" in refusal(tmp_path, extensible(1, 64))
    assert "holds AAC in WAV" in refusal(tmp_path, extensible(0xFF, 16))


def test_shorten_in_nist_sphere_is_named(tmp_path):
    text = b"NIST_1A\n   1024\nsample_count -i 9\nsample_coding -s26 pcm,embedded-shorten-v2.00\nend_head\n"
    assert "compressed by Shorten" in refusal(tmp_path, text.ljust(1024) + b"ajkg" + bytes(99))


@pytest.mark.parametrize("extension", [b"", b"\0\0", struct.pack("<HHI", 22, 16, 4) + bytes(16)])
@pytest.mark.parametrize("bits", [8, 16, 24])
def test_an_extensible_header_without_its_extension_is_read_as_pcm(tmp_path, extension, bits):
    codes = np.arange(-128, 128) * 256
    data = {8: (codes // 256 + 128).astype("u1"), 16: codes.astype("<i2")}.get(bits)
    raw = data.tobytes() if data is not None else (codes * 256).astype("<i4").view("u1").reshape(-1, 4)[:, :3].tobytes()
    found = read(tmp_path, wav(0xFFFE, bits, extension, raw))
    assert found.pcm.tolist() == codes.tolist()
    assert found.warnings[0].endswith(f"read as {bits}-bit PCM")


def test_an_extensible_header_without_its_extension_is_not_guessed_at(tmp_path):
    assert "names no coding" in refusal(tmp_path, wav(0xFFFE, 32, b"\0\0"))


def test_a_chain_of_ogg_streams_and_missing_pages_are_refused(tmp_path):
    whole = bad_audio.coded("OGG", "VORBIS", np.resize(bad_audio.NOISE, 80_000))
    starts = [place for place in range(len(whole)) if whole[place : place + 4] == b"OggS"]
    pages = [whole[start:stop] for start, stop in itertools.pairwise([*starts, len(whole)])]
    second = b"".join(checked(one.replace(whole[14:18], b"\1\2\3\4")) for one in pages)
    assert f"begins at byte {len(whole)}, a chain" in refusal(tmp_path, whole + second)
    assert len(starts) > 4
    lacking = whole[: starts[3]] + whole[starts[4] :]
    assert "1 Ogg pages are missing" in refusal(tmp_path, lacking)
    found = read(tmp_path, whole[: starts[-1]])
    assert found.warnings == ("no Ogg page is marked as its last; its end may be missing",)


@pytest.mark.parametrize("coding", ["VORBIS", "OPUS"])
@pytest.mark.parametrize("hole", [bytes(40), b"\1"], ids=["zeros", "byte"])
def test_a_page_of_ogg_with_another_checksum_is_not_passed_over(tmp_path, coding, hole):
    """libsndfile takes the samples before it for the whole file of Vorbis."""
    whole = bad_audio.coded("OGG", coding, np.resize(bad_audio.NOISE, 80_000))
    read(tmp_path, whole)
    at = len(whole) // 2
    damaged = whole[:at] + hole + whole[at + len(hole) :]
    position = whole.rindex(b"OggS", 0, at)
    assert f"damaged: the Ogg page at byte {position} has another checksum" in refusal(tmp_path, damaged)


def test_a_tag_before_an_ogg_file_is_named(tmp_path):
    line = refusal(tmp_path, b"ID3\3\0\0\0\0\0\x10" + bytes(16) + bad_audio.coded("OGG"))
    assert "a tag of 26 bytes stands before" in line
    assert "tail -c +27 IN" in line


def test_the_name_tells_where_the_contents_do_not(tmp_path):
    (tmp_path / "a.gsm").write_bytes(bytes(range(33)) * 9)
    with pytest.raises(UserError, match="its name says GSM without a header, which cannot be read"):
        audio_files.read(tmp_path / "a.gsm")
    assert not audio_files.SUFFIXES & set(headers.UNREADABLE)


@pytest.mark.parametrize("suffix", [".raw", ".SLN16", ".ul"])
def test_samples_without_a_header_are_not_called_no_audio(tmp_path, suffix):
    (tmp_path / f"a{suffix}").write_bytes(bad_audio.NOISE.tobytes())
    with pytest.raises(UserError, match="has no header to say its sample rate and coding; give it one, as with: sox"):
        audio_files.read(tmp_path / f"a{suffix}")


@pytest.mark.parametrize(("offset", "value", "words"), [(0, struct.pack(">d", 0), "declares 0 Hz"),
                                                        (0, struct.pack(">d", float("nan")), "declares 0 Hz"),
                                                        (24, bytes(4), "declares 0 channels")])  # fmt: skip
def test_a_caf_header_without_rate_or_channels_is_not_called_truncated(tmp_path, offset, value, words):
    whole = bad_audio.coded("CAF")
    at = whole.index(b"desc") + 12 + offset
    assert words in refusal(tmp_path, whole[:at] + value + whole[at + len(value) :])

"""The samples of a FLAC file are held to the MD5 that its STREAMINFO has of them."""

import bad_audio
import numpy as np
import pytest
import soundfile

from wavegen.audio import files as audio_files
from wavegen.errors import UserError

MD5 = slice(26, 42)  # of a file that begins with its STREAMINFO
WIDTHS = {"PCM_S8": 8, "PCM_16": 16, "PCM_24": 24}


@pytest.fixture(params=WIDTHS)
def written(request, tmp_path):
    """Writes noise of all codes, the lowest and highest too, with so many channels; gives the path."""

    def write(channels):
        width = WIDTHS[request.param]
        codes = np.random.default_rng(channels).integers(-(2 ** (width - 1)), 2 ** (width - 1), (5000, channels))
        codes[:2] = [[-(2 ** (width - 1))], [2 ** (width - 1) - 1]]
        path = tmp_path / "a.flac"
        soundfile.write(path, (codes << 32 - width).astype(np.int32), 8000, subtype=request.param)
        assert any(path.read_bytes()[MD5])
        return path

    return write


@pytest.mark.parametrize("channels", [1, 2, 3, 8])
def test_of_every_width_and_number_of_channels(written, channels, monkeypatch):
    path = written(channels)
    whole = audio_files.read(path).pcm
    monkeypatch.setattr(audio_files, "BLOCK", 999)
    np.testing.assert_array_equal(audio_files.read(path).pcm, whole)
    file = bytearray(path.read_bytes())
    file[MD5.start] ^= 1
    path.write_bytes(file)
    said = "damaged: the samples are not those whose MD5 its header has; copy it again, or check it with: flac -t"
    with pytest.raises(UserError) as error:
        audio_files.read(path)
    assert str(error.value) == f"{path}: {said}"
    file[MD5] = bytes(16)  # none was computed, as some programs leave it
    path.write_bytes(file)
    np.testing.assert_array_equal(audio_files.read(path).pcm, whole)


def test_a_frame_of_another_file_is_noticed(tmp_path):
    """Its own checksum is right, so that no decoder notices."""
    path = tmp_path / "a.flac"
    path.write_bytes(bad_audio.BAD["others-samples.flac"][0])
    assert len(soundfile.read(path)[0]) == len(bad_audio.NOISE)
    with pytest.raises(UserError, match="whose MD5"):
        audio_files.read(path)


def test_behind_a_tag(tmp_path):
    """ID3 before FLAC is passed over, and the MD5 is found behind it."""
    tag = b"ID3\4\0\0\0\0\0\n" + bytes(10)
    whole = bad_audio.coded("FLAC")
    other = bad_audio.BAD["others-md5.flac"][0]
    path = tmp_path / "a.flac"
    path.write_bytes(tag + whole)
    np.testing.assert_array_equal(audio_files.read(path).pcm, bad_audio.NOISE)
    path.write_bytes(tag + other)
    with pytest.raises(UserError, match="whose MD5"):
        audio_files.read(path)


@pytest.mark.parametrize("width", [4, 12, 20, 32])
def test_of_a_width_that_cannot_be_read(tmp_path, width):
    """libsndfile says "unimplemented format" of them; the line says how many bits they have."""
    file = bytearray(bad_audio.coded("FLAC"))
    file[20] = file[20] & 0xFE | (width - 1) >> 4
    file[21] = file[21] & 0x0F | (width - 1 & 15) << 4
    path = tmp_path / "a.flac"
    path.write_bytes(file)
    with pytest.raises(UserError, match=f"holds FLAC of {width} bits a sample that cannot be read .*; convert it, as"):
        audio_files.read(path)

"""One straight decoding: the samples of a file do not depend on how it is read."""

import io
import os
import re
import subprocess
import sys

import bad_audio
import numpy as np
import pytest
import soundfile

from wavegen.audio import decoding
from wavegen.audio import files as audio_files
from wavegen.audio.headers import mpeg
from wavegen.errors import UserError

FORMATS = sorted(set(soundfile.available_formats()) - {"RAW", "SD2"})  # without a header, or with it in another file


def written(path, values, format, subtype):
    """Whether libsndfile can write that, at 8000 Hz or, where it must, 44100."""
    for rate in (8000, 44100):
        file = io.BytesIO()
        try:
            soundfile.write(file, values, rate, format=format, subtype=subtype)
        except soundfile.LibsndfileError:
            continue
        path.write_bytes(file.getvalue())
        return True
    return False


def outcome(path):
    try:
        return audio_files.read(path).pcm.tolist()
    except UserError as error:
        return str(error)


@pytest.mark.parametrize("format", FORMATS)
def test_no_sample_depends_on_the_size_of_blocks(tmp_path, monkeypatch, format):
    path = tmp_path / "a"
    tried = 0
    for subtype in soundfile.available_subtypes(format):
        for channels in (1, 3):
            values = (np.random.default_rng(channels).normal(size=(401, channels)) * 3000).astype(np.int16)
            if not written(path, values, format, subtype):
                continue
            tried += 1
            monkeypatch.setattr(audio_files, "BLOCK", 2**18)
            whole = outcome(path)
            for size in (400 * channels, 90 * channels, 7):
                monkeypatch.setattr(audio_files, "BLOCK", size)
                assert outcome(path) == whole, f"{format} {subtype}, {channels} channels, blocks of {size}"
    assert tried


def bursts(seconds, channels):
    rng = np.random.default_rng(0)
    rate = 16000
    gate = np.sin(np.arange(seconds * rate) / 4000) > 0.5
    return np.clip(rng.normal(size=(seconds * rate, channels)) * 3000 * gate[:, None], -32768, 32767).astype(np.int16)


@pytest.mark.parametrize(("seconds", "channels"), [(60, 1), (30, 2)])
def test_a_long_mp3_of_variable_rate_is_right_at_the_borders_of_blocks(tmp_path, monkeypatch, seconds, channels, capfd):
    path = tmp_path / "a.mp3"
    soundfile.write(path, bursts(seconds, channels), 16000, bitrate_mode="VARIABLE", compression_level=0.99)
    at_once, _ = soundfile.read(path, always_2d=True)
    pcm = audio_files.read(path).pcm
    assert len(pcm) == len(at_once) > audio_files.BLOCK / channels
    assert np.abs(pcm - 32768 * at_once.mean(axis=1)).max() < 1
    monkeypatch.setattr(audio_files, "BLOCK", 10_000)
    assert np.array_equal(audio_files.read(path).pcm, pcm)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("rate", [16000, 44100])
def test_a_damaged_mp3_is_said_to_be_so_in_a_line_of_ours(tmp_path, capfd, rate):
    file = bytearray(bad_audio.coded("MP3", rate=rate))
    place = 0
    for number in range(8):
        frame = mpeg.frame_of(bytes(file[place : place + 4]))
        assert frame is not None
        if number >= 5:
            file[place + 4 : place + 18] = b"\xff" * 14  # of the side information
        place += frame.size
    (tmp_path / "a.mp3").write_bytes(file)
    (warning,) = audio_files.read(tmp_path / "a.mp3").warnings
    assert re.fullmatch("damaged: its decoder says '[^[]+'; samples there may be wrong", warning)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("format", ["WAV", "FLAC", "MP3", "OGG"])
def test_a_pipe_is_read_and_may_be_read_again(tmp_path, format):
    (tmp_path / "a").write_bytes(bad_audio.coded(format))
    script = (
        "from wavegen.audio import files as audio_files; from pathlib import Path\n"
        f"whole = audio_files.read({str(tmp_path / 'a')!r}).pcm.tolist()\n"
        "assert audio_files.read('/dev/stdin').pcm.tolist() == whole\n"
        "assert audio_files.read(Path('/dev/stdin')).pcm.tolist() == whole\n"
    )
    contents = (tmp_path / "a").read_bytes()
    subprocess.run([sys.executable, "-c", script], input=contents, check=True, cwd=os.getcwd())


def test_libsndfile_is_asked_for_no_seek(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "a.wav", bad_audio.NOISE, 8000)

    def seek(*_):
        raise AssertionError("a decoder that seeks starts anew")

    monkeypatch.setattr(soundfile.SoundFile, "seek", seek)
    with decoding.opened(tmp_path / "a.wav") as source:
        assert sum(len(block) for block in source.blocks(1000)) == len(bad_audio.NOISE)


@pytest.mark.parametrize("format", ["WAV", "AIFF", "CAF", "AU"])
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
@pytest.mark.parametrize("channels", [1, 2])
def test_floats_that_are_codes_are_refused(tmp_path, format, subtype, channels):
    """They became a square wave at full scale, with a warning of clipping."""
    path = tmp_path / "a"
    speech = np.random.default_rng(0).normal(0, 3000, (9000, channels)).round()
    soundfile.write(path, speech, 8000, format=format, subtype=subtype)
    with pytest.raises(UserError, match="a: most of its samples lie beyond full scale, which is 1: codes that were"):
        audio_files.read(path)
    with pytest.raises(UserError, match="write it again with values between -1 and 1"):
        audio_files.read(path, 16000)
    soundfile.write(path, speech / 32768, 8000, format=format, subtype=subtype)
    assert np.array_equal(audio_files.read(path).pcm, np.floor(speech.mean(axis=1) + 0.5))


def test_loud_floats_are_clipped_and_counted(tmp_path):
    """Up to half of the samples; what beyond is no recording that was a little too loud."""
    values = np.where(np.arange(8000) < 4000, 3.0, 0.1) * (-1.0) ** np.arange(8000)
    soundfile.write(tmp_path / "a.wav", values, 8000, subtype="FLOAT")
    assert audio_files.read(tmp_path / "a.wav").clipped == 4000
    values[4000] = 3.0
    soundfile.write(tmp_path / "a.wav", values, 8000, subtype="FLOAT")
    with pytest.raises(UserError, match="most of its samples lie beyond full scale"):
        audio_files.read(tmp_path / "a.wav")

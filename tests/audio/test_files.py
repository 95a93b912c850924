import os
import re
import tempfile
import tracemalloc
from pathlib import Path

import bad_audio
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from permissions import bound_by_permissions

from wavegen.audio import files as audio_files
from wavegen.errors import UserError

PCM = hnp.arrays(np.int16, st.integers(1, 400), elements=st.integers(-32768, 32767))


@given(pcm=PCM, rate=st.sampled_from([100, 8000, 44100, 192000]))
@settings(deadline=None)
def test_wav_round_trip(pcm, rate):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.wav")
        audio_files.write(path, pcm, rate)
        sound = audio_files.read(path)
        assert os.listdir(folder) == ["a.wav"]
        assert path.read_bytes() == bad_audio.coded("WAV", "PCM_16", pcm, rate)
    assert np.array_equal(sound.pcm, pcm)
    assert sound.pcm.dtype == np.int16
    assert (sound.sample_rate, sound.source_rate, sound.channels) == (rate, rate, 1)
    assert (sound.subtype, sound.lossy, sound.clipped) == ("PCM_16", False, 0)


@given(pcm=PCM)
@settings(deadline=None)
def test_flac_comes_through_bit_exact(pcm):
    with tempfile.TemporaryDirectory() as folder:
        soundfile.write(f"{folder}/a.flac", pcm, 8000, subtype="PCM_16")
        assert np.array_equal(audio_files.read(f"{folder}/a.flac", 8000).pcm, pcm)


@pytest.mark.parametrize(
    ("format", "subtype", "step"),
    [("WAV", "PCM_U8", 256), ("WAV", "PCM_24", 1), ("WAV", "PCM_32", 1), ("WAV", "FLOAT", 1), ("WAV", "DOUBLE", 1),
     ("FLAC", "PCM_S8", 256), ("FLAC", "PCM_24", 1), ("AIFF", "PCM_16", 1), ("RF64", "PCM_16", 1)],
)  # fmt: skip
def test_every_depth_has_full_scale_32768(tmp_path, format, subtype, step):
    codes = np.arange(-32768, 32768, step)
    path = tmp_path / f"a.{format.lower()}"
    soundfile.write(path, codes / 32768, 8000, format=format, subtype=subtype)
    sound = audio_files.read(path)
    assert np.array_equal(sound.pcm, codes)
    assert not sound.lossy


@pytest.mark.parametrize("value", [1e101, -1e308])
@pytest.mark.parametrize("rate", [None, 16000])
def test_values_whose_sums_overflow_are_refused(tmp_path, value, rate):
    values = np.zeros((100, 2))
    values[50] = value, -value
    soundfile.write(tmp_path / "a.wav", values, 8000, subtype="DOUBLE")
    with pytest.raises(UserError, match=r"a\.wav: holds NaN or infinite values, or some beyond 1e\+100; write"):
        audio_files.read(tmp_path / "a.wav", rate)
    values[50] = 1e100
    soundfile.write(tmp_path / "a.wav", values, 8000, subtype="DOUBLE")
    assert audio_files.read(tmp_path / "a.wav").clipped == 1


def test_values_beyond_full_scale_are_clipped_and_counted(tmp_path):
    values = np.array([0.0, 1.0, 1.5, -1.0, -1.01, 32767.4 / 32768, 0.25])  # full scale itself is not beyond it
    soundfile.write(tmp_path / "a.wav", values, 8000, subtype="DOUBLE")
    sound = audio_files.read(tmp_path / "a.wav")
    assert sound.pcm.tolist() == [0, 32767, 32767, -32768, -32768, 32767, 8192]
    assert sound.clipped == 2


def test_channels_are_averaged(tmp_path):
    channels = np.random.default_rng(1).integers(-32768, 32768, (5000, 6)).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", channels, 8000)
    sound = audio_files.read(tmp_path / "a.wav")
    assert np.array_equal(sound.pcm, np.floor(channels.mean(axis=1) + 0.5))
    assert sound.channels == 6


@given(channels=hnp.arrays(np.int16, st.tuples(st.integers(1, 60), st.integers(2, 7))))
@settings(deadline=None)
def test_means_are_rounded_half_up(channels):
    with tempfile.TemporaryDirectory() as folder:
        soundfile.write(f"{folder}/a.wav", channels, 8000)
        sound = audio_files.read(f"{folder}/a.wav")
    chosen = [number - 1 for number in sound.examined.get("mixed", [])]
    sums = channels[:, chosen].astype(int).sum(axis=1)
    assert np.array_equal(sound.pcm, (2 * sums + len(chosen)) // (2 * len(chosen)))


@pytest.mark.parametrize(("format", "rate"), [("WAV", None), ("FLAC", None), ("AIFF", None), ("WAV", 4000)])
def test_the_mean_of_two_channels_keeps_its_last_bit(tmp_path, format, rate):
    channels = np.random.default_rng(1).normal(0, 12, (40000, 2)).round().astype(np.int16)
    soundfile.write(tmp_path / "a", channels, 8000, format=format)
    assert abs(np.mean(audio_files.read(tmp_path / "a", rate).pcm % 2) - 0.5) < 0.02


@pytest.mark.parametrize("format", ["WAV", "FLAC", "AIFF"])
@pytest.mark.parametrize("factors", [(1, -1), (1, 0), (0, 1), (0, 1, 0), (1, 0.003), (1, -1, 1, -1)])
@pytest.mark.parametrize("length", [9000, 300_000])
def test_what_is_lost_by_averaging_is_not_averaged(tmp_path, format, factors, length):
    signal = np.random.default_rng(0).normal(0, 3000, length).round()
    channels = np.rint(signal[:, None] * np.array(factors)).astype(np.int16)
    soundfile.write(tmp_path / "a", channels, 8000, format=format)
    assert np.array_equal(audio_files.read(tmp_path / "a").pcm, signal)


@pytest.mark.parametrize(
    ("source", "target"), [(44100, 8000), (8000, 44100), (16000, 8000), (22050, 16000), (48000, 100)]
)
def test_resampling_keeps_length_and_level(tmp_path, source, target):
    frequency = min(source, target) / 8
    samples = 3 * source
    sine = np.sin(2 * np.pi * frequency * np.arange(samples) / source) / 2
    soundfile.write(tmp_path / "a.wav", sine, source, subtype="PCM_16")
    sound = audio_files.read(tmp_path / "a.wav", target)
    assert abs(len(sound.pcm) - 3 * target) <= 1
    assert (sound.sample_rate, sound.source_rate) == (target, source)
    here = slice(target, 2 * target)
    expected = np.sin(2 * np.pi * frequency * np.arange(3 * target) / target)[here] * 16384
    assert np.abs(sound.pcm[here] - expected).max() <= 8  # no gain, no delay


def test_resampling_does_not_alias(tmp_path):
    tone = np.sin(2 * np.pi * 5100 * np.arange(44100) / 44100) / 2
    soundfile.write(tmp_path / "a.wav", tone, 44100, subtype="FLOAT")
    pcm = audio_files.read(tmp_path / "a.wav", 8000).pcm[500:-500]
    assert np.abs(pcm.astype(int)).max() <= 1


@pytest.mark.parametrize("rate", [None, 11025])
@pytest.mark.parametrize("channels", [1, 3])
def test_block_size_changes_nothing(tmp_path, monkeypatch, rate, channels):
    soundfile.write(tmp_path / "a.flac", np.tile(bad_audio.NOISE[:, None], channels), 8000)
    whole = audio_files.read(tmp_path / "a.flac", rate).pcm
    monkeypatch.setattr(audio_files, "BLOCK", 1001)
    assert np.array_equal(audio_files.read(tmp_path / "a.flac", rate).pcm, whole)


@pytest.mark.parametrize(("format", "subtype"), [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", None), ("WAV", "ULAW")])
def test_lossy_files_are_read_whole_and_marked(tmp_path, format, subtype):
    path = tmp_path / f"a.{format.lower()}"
    path.write_bytes(bad_audio.coded(format, subtype))
    sound = audio_files.read(path)
    assert len(sound.pcm) == len(bad_audio.NOISE)
    assert sound.lossy


def test_mp3_without_a_length_is_read_to_its_end(tmp_path):
    rng = np.random.default_rng(0)
    values = np.concatenate(
        [rng.normal(size=40000) / 10, np.zeros(160000)]
    )  # a guess from the first frames falls short
    file = bad_audio.coded("MP3", values=values, rate=44100)
    frames = file[file.index(b"\xff\xfb", 1) :]
    for name, contents in {"plain.mp3": frames, "tagged.mp3": b"ID3\3\0\0\0\0\1\0" + bytes(128) + frames}.items():
        (tmp_path / name).write_bytes(contents)
        assert len(values) <= len(audio_files.read(tmp_path / name).pcm) < len(values) + 4000


@pytest.mark.parametrize("declared", [0x7FFFF000, 0x80000000, 0xFFFFFFFF, 0x7FFFFFFF - 36])
def test_wav_written_into_a_pipe_goes_on_to_its_end(tmp_path, declared):
    (tmp_path / "a.wav").write_bytes(bad_audio.wav(declared=declared, riff=0xFFFFFFFF))
    assert np.array_equal(audio_files.read(tmp_path / "a.wav").pcm, bad_audio.NOISE)


@pytest.mark.parametrize("format", ["WAV", "FLAC", "OGG", "MP3", "AIFF"])
def test_tags_after_the_audio_do_no_harm(tmp_path, format):
    (tmp_path / "a").write_bytes(bad_audio.coded(format) + b"TAG" + bytes(125))
    assert len(audio_files.read(tmp_path / "a").pcm) == len(bad_audio.NOISE)


@pytest.mark.parametrize("name", bad_audio.BAD)
def test_bad_file_gets_one_line(tmp_path, name, capfd):
    contents, words = bad_audio.BAD[name]
    (tmp_path / name).write_bytes(contents)
    tracemalloc.start()
    with pytest.raises(UserError) as caught:
        audio_files.read(tmp_path / name, 16000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    line = str(caught.value)
    assert line.startswith(f"{tmp_path / name}: ")
    assert re.search(words, line.removeprefix(f"{tmp_path / name}"))
    assert "\n" not in line
    assert peak < 32e6
    assert os.listdir(tmp_path) == [name]
    assert capfd.readouterr() == ("", "")


def test_what_is_no_file_gets_one_line(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "broken.wav").symlink_to(tmp_path / "nowhere")
    for name, words in {
        "missing.wav": "No such file", "pipe.wav": "is a FIFO; make it a file first: cat", "folder.wav": "is a folder",
        "broken.wav": "No such file", "x" * 300: "too long",
    }.items():  # fmt: skip
        with pytest.raises(UserError, match=words) as caught:
            audio_files.read(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_unreadable_file_gets_one_line(tmp_path):
    path = tmp_path / "a.wav"
    audio_files.write(path, bad_audio.NOISE, 8000)
    path.chmod(0)
    with bound_by_permissions(), pytest.raises(UserError, match="cannot be read: Permission denied"):
        audio_files.read(path)


def test_names_that_are_not_utf8(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav"))
    audio_files.write(path, bad_audio.NOISE, 8000)
    assert audio_files.find(tmp_path) == [path]
    assert np.array_equal(audio_files.read(path).pcm, bad_audio.NOISE)


def test_memory_is_bounded_by_the_result(tmp_path):
    values = np.zeros((3_000_000, 4), np.int16)
    soundfile.write(tmp_path / "a.wav", values, 8000)
    tracemalloc.start()
    audio_files.read(tmp_path / "a.wav")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.5 * 2 * len(values) + 64 * audio_files.BLOCK


@pytest.mark.parametrize("rate", [0, -8000, 99, 10**9])
def test_absurd_sample_rate_is_refused(tmp_path, rate):
    audio_files.write(tmp_path / "a.wav", bad_audio.NOISE, 8000)
    with pytest.raises(UserError, match=f"sample rate {rate}"):
        audio_files.read(tmp_path / "a.wav", rate)


def test_write_leaves_nothing_on_a_full_disk(tmp_path, full_disk):
    with pytest.raises(UserError, match="cannot be written: File too large"):
        audio_files.write(tmp_path / "a.wav", bad_audio.NOISE, 8000)
    assert os.listdir(tmp_path) == []


def test_write_keeps_the_old_file_on_a_full_disk(tmp_path, full_disk):
    audio_files.write(tmp_path / "a.wav", bad_audio.NOISE[:9], 8000)
    with pytest.raises(UserError):
        audio_files.write(tmp_path / "a.wav", bad_audio.NOISE, 8000)
    assert np.array_equal(audio_files.read(tmp_path / "a.wav").pcm, bad_audio.NOISE[:9])


@pytest.mark.parametrize("place", ["no-folder/a.wav", "file/a.wav"])
def test_write_into_no_folder_gets_one_line(tmp_path, place):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        audio_files.write(tmp_path / place, bad_audio.NOISE, 8000)


def test_write_refuses_other_arrays(tmp_path):
    with pytest.raises(ValueError, match="int16"):
        audio_files.write(tmp_path / "a.wav", np.zeros(9), 8000)


def test_find_sorts_and_passes_over_what_is_no_audio(tmp_path):
    for name in ["b/2.WAV", "b/10.flac", "a.mp3", "c.txt", ".hidden.wav", ".git/x.wav", "d/e/f.ogg"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "d/loop").symlink_to(tmp_path)
    found = [path.relative_to(tmp_path).as_posix() for path in audio_files.find(tmp_path)]
    assert found == ["a.mp3", "b/10.flac", "b/2.WAV", "d/e/f.ogg"]
    assert audio_files.find(tmp_path / "c.txt") == [tmp_path / "c.txt"]


def test_find_says_what_there_is_instead(tmp_path):
    for name in ["a.m4a", "b.m4a", "notes.txt"]:
        (tmp_path / name).touch()
    with pytest.raises(UserError, match=r"no audio file in it \(2 \.m4a, 1 \.txt\); WAV, FLAC"):
        audio_files.find(tmp_path)
    with pytest.raises(UserError, match="nowhere: cannot be read: No such file"):
        audio_files.find(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.wav")
    assert audio_files.find(tmp_path / "pipe.wav") == [tmp_path / "pipe.wav"]


@given(pcm=PCM)
@settings(deadline=None)
def test_count_codes(pcm):
    counts = audio_files.count_codes(pcm)
    assert counts.shape == (65536,)
    assert np.array_equal(np.repeat(np.arange(-32768, 32768), counts), np.sort(pcm))

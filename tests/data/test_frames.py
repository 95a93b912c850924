"""Frames of a corpus are computed once, by whoever comes first, and never read half-written."""

import contextlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import noise_corpora
import numpy as np
import pytest
from permissions import bound_by_permissions

from wavegen.audio.spectral.frames import frames
from wavegen.audio.spectral.settings import FrameSettings
from wavegen.data import frame_workers
from wavegen.data.corpus import Corpus, open_corpus
from wavegen.data.frame_plan import Plan
from wavegen.data.frames import open_frames
from wavegen.data.preparing.audio import prepare
from wavegen.data.splits import SPLITS
from wavegen.errors import UserError

SETTINGS = FrameSettings("hifigan", 8000, 64, 256, 256, 12, 0, 4000)
SCRIPT = """
import sys, time
import numpy as np
from wavegen.audio.spectral.settings import FrameSettings
from wavegen.data import frame_workers
from wavegen.data.corpus import open_corpus
from wavegen.data.frames import open_frames

frames, settings = frame_workers.frames, FrameSettings("hifigan", 8000, 64, 256, 256, 12, 0, 4000)
frames(np.zeros(1, np.int16), settings)  # loads librosa, for which one process waits for the other

def slow(pcm, settings):
    time.sleep(float(sys.argv[2]))
    print("computed", flush=True)
    return frames(pcm, settings)

frame_workers.frames = slow
print("ready", flush=True)
sys.stdin.readline()
found = open_frames(open_corpus(sys.argv[1]), settings)
print(f"{found.values.sum():.3f}")
"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """The user's cache folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "wavegen"


@pytest.fixture
def opened(corpus) -> Corpus:
    return open_corpus(corpus)


def counted(monkeypatch, stop_at: int | None = None) -> list[int]:
    """The lengths of the recordings whose frames are computed from here on; Ctrl-C comes at number `stop_at`."""
    lengths: list[int] = []

    def count(pcm, settings):
        if len(lengths) == stop_at:
            raise KeyboardInterrupt
        lengths.append(len(pcm))
        return frames(pcm, settings)

    monkeypatch.setattr(frame_workers, "frames", count)
    return lengths


def check(corpus: Corpus, settings: FrameSettings = SETTINGS) -> None:
    """The frames are those of the recordings, each where it belongs."""
    found = open_frames(corpus, settings)
    for name in SPLITS:
        those = found.split(name)
        assert len(those) == len(corpus.split(name)) > 0
        for one, pcm, recording in zip(those, corpus.pcms(name), corpus.split(name), strict=True):
            assert one.dtype == np.float32
            assert not one.flags.writeable
            np.testing.assert_array_equal(one, frames(pcm, settings))
            np.testing.assert_array_equal(one, found.of(recording))


def names(folder: Path) -> list[str]:
    """The files of frames there, hidden ones too."""
    return sorted(path.name for path in folder.iterdir() if "frames-" in path.name)


@contextlib.contextmanager
def read_only(*folders: Path):
    """In which nobody may write."""
    for folder in folders:
        folder.chmod(0o555)
    try:
        with bound_by_permissions():
            yield
    finally:
        for folder in folders:
            folder.chmod(0o755)


def test_they_are_those_of_each_recording(opened):
    check(opened)
    check(opened, replace(SETTINGS, convention="parallel-wavegan", f0=True))


def test_they_are_computed_once_and_for_each_setting(opened, monkeypatch):
    lengths = counted(monkeypatch)
    open_frames(opened, SETTINGS)
    assert sorted(lengths) == sorted(opened.recordings.rows["samples"].tolist())
    check(opened)
    assert len(lengths) == len(opened.recordings)
    for changed in ({"hop": 32}, {"fmin": 1}, {"convention": "tacotron2"}, {"f0": True}):
        open_frames(opened, replace(SETTINGS, **changed))
    assert len(lengths) == 5 * len(opened.recordings)
    check(opened)
    assert len(names(opened.path)) == 5


def test_f0_is_computed_again_with_another_librosa(opened, monkeypatch):
    with_f0 = replace(SETTINGS, f0=True)
    before = [Plan(opened, settings).name for settings in (SETTINGS, with_f0)]
    monkeypatch.setattr("wavegen.data.frame_plan.version", lambda name: "7.8.9")
    after = [Plan(opened, settings).name for settings in (SETTINGS, with_f0)]
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_an_interrupted_one_goes_on(opened, monkeypatch):
    whole = len(opened.recordings)
    counted(monkeypatch, stop_at=7)
    with pytest.raises(KeyboardInterrupt, match=r"interrupted: .*: the same command goes on"):
        open_frames(opened, SETTINGS)
    assert [name[0] for name in names(opened.path)] == [".", "."]
    lengths = counted(monkeypatch)
    check(opened)
    assert len(lengths) == whole - 7
    assert [name[0] for name in names(opened.path)] == ["f"]


def test_one_that_was_killed_goes_on(opened, monkeypatch):
    running = started(opened.path, 0.02)
    begin(running)
    assert running.stdout is not None
    for _ in range(5):
        running.stdout.readline()
    running.kill()
    running.communicate()
    assert [name[0] for name in names(opened.path)] == [".", "."]
    lengths = counted(monkeypatch)
    check(opened)
    assert len(opened.recordings) // 2 < len(lengths) <= len(opened.recordings) - 4


def started(corpus: Path, seconds: float) -> "subprocess.Popen[str]":
    """A process that opens the frames, once it reads a line, and takes its time for each recording."""
    command = [sys.executable, "-c", SCRIPT, str(corpus), str(seconds)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def begin(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_of_several_processes_one_computes_and_the_others_wait(opened):
    processes = [started(opened.path, 0.05) for _ in range(3)]
    for process in processes:
        begin(process)
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], outputs
    lines = [out.split() for out, _ in outputs]
    assert sum(line.count("computed") for line in lines) == len(opened.recordings)
    assert len({line[-1] for line in lines}) == 1
    assert sum("another process computes its frames" in error for _, error in outputs) == 2
    check(opened)


def test_several_processes_that_compute_make_the_same_file(opened, monkeypatch):
    open_frames(opened, SETTINGS)
    file = opened.path / Plan(opened, SETTINGS).name
    alone = file.read_bytes()
    file.unlink()
    monkeypatch.setattr(frame_workers, "SAMPLES_EACH", 1000)
    monkeypatch.setattr(frame_workers, "cpus", lambda: 3)
    monkeypatch.setattr(frame_workers, "AT_ONCE", 4)
    monkeypatch.setattr(frame_workers, "frames", None)  # not here
    open_frames(opened, SETTINGS)
    assert file.read_bytes() == alone
    assert len(names(opened.path)) == 1


def test_a_process_that_dies_is_one_line_and_the_rest_is_kept(opened, monkeypatch):
    counted(monkeypatch, stop_at=5)
    with pytest.raises(KeyboardInterrupt):
        open_frames(opened, SETTINGS)
    with monkeypatch.context() as patch:
        patch.setattr(frame_workers, "SAMPLES_EACH", 1000)
        patch.setattr(frame_workers, "cpus", lambda: 2)
        patch.setattr(frame_workers, "CODE", "import os; os.kill(os.getpid(), 9)")
        with pytest.raises(UserError, match=r"the process that computed .* was killed by signal 9, as the system does"):
            open_frames(opened, SETTINGS)
    lengths = counted(monkeypatch)
    check(opened)
    assert len(lengths) == len(opened.recordings) - 5


@pytest.mark.parametrize("damage", ["cut", "longer", "other header", "empty"])
def test_a_damaged_file_is_made_again(opened, damage):
    open_frames(opened, SETTINGS)
    file = opened.path / Plan(opened, SETTINGS).name
    data = bytearray(file.read_bytes())
    damaged = {"cut": data[:-4], "longer": data + b"1234", "other header": b"x" + data[1:], "empty": b""}[damage]
    file.write_bytes(damaged)
    check(open_corpus(opened.path))
    assert file.read_bytes() == data


def test_beside_a_corpus_that_cannot_be_written_is_the_users_cache(opened, cache, caplog):
    with read_only(opened.path):
        check(opened)
        assert "its frames are kept in" in caplog.text
        caplog.clear()
        check(opened)
        assert not caplog.text
    assert names(opened.path) == []
    assert len(names(cache)) == 1


def test_where_nothing_can_be_written(opened, cache):
    cache.parent.mkdir()
    refused = pytest.raises(UserError, match=r"cannot be written, and the frames .* XDG_CACHE_HOME")
    with read_only(opened.path, cache.parent), refused:
        open_frames(opened, SETTINGS)


def test_a_full_disk_leaves_nothing(opened, full_disk):
    with pytest.raises(UserError, match=r"frames-.*: cannot be written: "):
        open_frames(opened, SETTINGS)
    assert names(opened.path) == []


def test_too_small_a_disk_is_told_first(opened, monkeypatch):
    lengths = counted(monkeypatch)
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result((4096, 4096, 9, 9, 9, 9, 9, 9, 0, 255)))
    with pytest.raises(UserError, match=r"needs .* are free"):
        open_frames(opened, SETTINGS)
    assert not lengths
    assert names(opened.path) == []


def test_those_of_an_earlier_corpus_are_removed(opened, tmp_path):
    open_frames(opened, SETTINGS)
    open_frames(opened, replace(SETTINGS, hop=32))
    before = names(opened.path)
    prepare(noise_corpora.folder_of(tmp_path / "source", {"new.wav": noise_corpora.noise()}), opened.path, force=True)
    again = open_corpus(opened.path)
    check(again)
    assert not set(before) & set(names(opened.path))
    assert len(names(opened.path)) == 1


def test_what_does_not_fit_is_one_line(opened):
    with pytest.raises(UserError, match="has 8000 Hz, and the frames are to be of 16000 Hz"):
        open_frames(opened, replace(SETTINGS, sample_rate=16000))
    with pytest.raises(UserError, match="80 mel bands hold no bin"):
        open_frames(opened, replace(SETTINGS, bands=80, n_fft=64, win_length=64))
    with open(opened.path / "pcm.i16", "r+b") as file:
        file.write(b"\xff\x7f")
    with pytest.raises(UserError, match="are not those that were prepared"):
        open_frames(opened, SETTINGS)
    assert names(opened.path) == []

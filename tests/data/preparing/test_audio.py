"""However many processes read and wherever they are stopped, the corpus is the same, byte for byte."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import miniature_corpora
import numpy as np
import pytest
import soundfile
from workspace import tree

from wavegen.audio import files as audio_files
from wavegen.data.corpus import open_corpus
from wavegen.data.preparing import audio as preparing
from wavegen.data.preparing import reading
from wavegen.data.preparing.audio import prepare
from wavegen.data.preparing.gathering import Gathering
from wavegen.data.preparing.workfolder import keep_if_for, work_folder
from wavegen.errors import UserError

WORK = ".corpus.preparing"
SHARE = 4000  # bytes: two or three of the recordings below


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Sixty recordings, some of the same content, some that are refused."""
    folder = tmp_path_factory.mktemp("source")
    for number in range(60):
        path = folder / f"{'abc'[number % 3]}/{number}.wav"
        path.parent.mkdir(exist_ok=True)
        audio_files.write(path, miniature_corpora.sound(number % 47, 8000, 0.1 + 0.001 * (number % 47)), 8000)
    (folder / "a/no audio.wav").write_text("text")
    audio_files.write(folder / "c/short.wav", miniature_corpora.sound(1, 8000, 0.01), 8000)
    return folder


@pytest.fixture(scope="module")
def whole(source, tmp_path_factory):
    """What one process makes of it without a stop."""
    folder = tmp_path_factory.mktemp("whole")
    prepare(source, folder / "corpus", processes=1)
    return tree(folder)


@pytest.fixture(autouse=True)
def _small_shares(monkeypatch):
    monkeypatch.setattr(reading, "SHARE_BYTES", SHARE)


def test_any_number_of_processes(source, whole, tmp_path):
    audit = json.loads(whole["corpus/corpus.json"] or b"")["audit"]
    assert (audit["files"], len(audit["refused"]), len(audit["duplicates"])) == (60, 2, 13)
    started = []
    for processes in (2, 3):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reading.subprocess, "Popen", lambda *a, **k: started.append(Popen(*a, **k)) or started[-1])
            prepare(source, tmp_path / str(processes) / "corpus", processes=processes)
        assert tree(tmp_path / str(processes)) == whole
    assert len(started) == 5
    assert all(process.returncode is not None for process in started)


Popen = subprocess.Popen


@pytest.mark.parametrize("copies", [False, True])
def test_golden(tmp_path, copies):
    """What the first version of wavegen made of the same files; copies are split otherwise since."""
    for number in range(24 if copies else 20):
        folder = tmp_path / "source" / ("xyz"[number % 3] + "-+"[number % 2])
        path = folder / f"{number}.{'wav' if number % 2 else 'flac'}"
        folder.mkdir(exist_ok=True, parents=True)
        pcm = np.random.default_rng(number % 20).integers(-3000, 3000, 900).astype(np.int16)
        soundfile.write(path, pcm, 8000, subtype="PCM_16")
    if copies:
        shutil.copytree(tmp_path / "source/x-", tmp_path / "source/x")
    found = []
    for processes, split_by in ((1, "file"), (3, "file"), (3, "speaker")):
        place = tmp_path / f"{split_by}{processes}"
        prepare(tmp_path / "source", place, split_by=split_by, processes=processes)
        found.append(open_corpus(place).fingerprint)
    assert found == GOLDEN[copies]


GOLDEN = (
    ["7132cf6ea06fb209", "7132cf6ea06fb209", "843c36854ea73602"],  # no two files alike: as ever
    ["1cace92fcf0c07cf", "1cace92fcf0c07cf", "398f4abf646ec2c2"],  # copies, which were split by the smallest id once
)


class Stopped(BaseException):
    """As Ctrl-C, but nobody else's."""


@contextlib.contextmanager
def stopped_after(number):
    """Lets so many recordings be added inside the block, then stops."""
    add = Gathering.add
    left = [number]

    def stopping(self, read):
        if not left[0]:
            raise Stopped
        left[0] -= 1
        add(self, read)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Gathering, "add", stopping)
        yield


@pytest.mark.parametrize("processes", [1, 2])
def test_an_interrupted_run_goes_on(source, whole, tmp_path, monkeypatch, processes):
    for number in (0, 1, 20, 33):
        with stopped_after(number), pytest.raises(Stopped):
            prepare(source, tmp_path / "corpus", processes=processes)
        assert [path.name for path in tmp_path.iterdir()] == [WORK]
    readings = []
    read = audio_files.read
    monkeypatch.setattr(reading.audio_files, "read", lambda *a: readings.append(a) or read(*a))
    prepare(source, tmp_path / "corpus", processes=1)
    assert len(readings) == 62 - 54
    assert tree(tmp_path) == whole


def test_whatever_was_cut_short_is_made_good(source, whole, tmp_path, monkeypatch):
    """A kill may leave any part of either file, a power failure zeros in place of samples."""
    with stopped_after(50), pytest.raises(Stopped):
        prepare(source, tmp_path / "stopped" / "corpus", processes=1)
    random = np.random.default_rng(0)
    for number in range(30):
        shutil.rmtree(tmp_path / "again", ignore_errors=True)
        shutil.copytree(tmp_path / "stopped", tmp_path / "again")
        for file in ("done.jsonl", "pcm.i16"):
            path = tmp_path / "again" / WORK / file
            if number % 3 != 2 or file == "done.jsonl":
                os.truncate(path, int(random.integers(os.path.getsize(path) + 1)))
            else:
                start = int(random.integers(os.path.getsize(path)))
                path.write_bytes(path.read_bytes()[:start].ljust(os.path.getsize(path), b"\0"))
        prepare(source, tmp_path / "again" / "corpus", processes=1)
        assert tree(tmp_path / "again") == whole


def test_other_sources_or_settings_start_anew(source, whole, tmp_path):
    copy = shutil.copytree(source, tmp_path / "copy")
    settings: list[dict[str, Any]] = [{"sample_rate": 16000}, {"split_by": "speaker"}, {"strict": True}, {"cut": 1}]
    common: dict[str, Any] = {"sample_rate": 8000, "processes": 1}
    for setting in settings:
        with stopped_after(15), pytest.raises(Stopped):
            prepare(copy, tmp_path / "corpus", **common | setting)
    changed = copy / "a/0.wav"
    audio_files.write(changed, miniature_corpora.sound(99, 8000, 0.1), 8000)
    prepare(copy, tmp_path / "corpus", processes=1)
    corpus = open_corpus(tmp_path / "corpus")
    assert corpus.sample_rate == 8000
    assert np.array_equal(corpus.pcm(corpus.recordings[0]), audio_files.read(changed).pcm)
    assert len(corpus.recordings) == 60
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "corpus"]


SCRIPT = """
import sys, time
from wavegen.data.preparing import reading
from wavegen.data.preparing.audio import prepare
from wavegen.data.preparing.gathering import Gathering
from wavegen.data.preparing.workfolder import keep_if_for, work_folder
reading.SHARE_BYTES = 4000
add = Gathering.add
def slow(self, read):
    time.sleep(0.01)
    add(self, read)
    print(self.lines, flush=True)
Gathering.add = slow
prepare(sys.argv[1], sys.argv[2], processes=2)
"""


def test_a_killed_run_goes_on_and_leaves_no_process(source, whole, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, tmp_path / "script.py", source, tmp_path / "place/corpus"]
    reached = []
    for lines in (1, 30, 55):
        with Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            assert process.stdout is not None
            line = next(line for line in process.stdout if int(line) >= lines)
            children = children_of(process.pid)
            process.send_signal(signal.SIGKILL)
        reached.append(int(line))
        assert len(children) == 2
        deadline = time.monotonic() + 20
        while any(alive(child) for child in children):
            assert time.monotonic() < deadline, "a reader outlives the process that it reads for"
            time.sleep(0.01)
    assert reached == [1, 30, 55]
    prepare(source, tmp_path / "place/corpus", processes=1)
    assert tree(tmp_path / "place") == whole


def children_of(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.mark.parametrize("printed", ["", "{", '{"samples": 800}\\n', '{"samples": 1}\\nab', "{}\\n"])
def test_a_reader_that_dies_is_no_end_without_a_word(source, whole, tmp_path, monkeypatch, printed):
    with monkeypatch.context() as patch:
        patch.setattr(reading, "CODE", f"import sys; print('{printed}', end=''); sys.exit(3)")
        patch.setattr(reading, "SHARE_FILES", 1)
        with pytest.raises(
            UserError, match=r"source\d+/\S+\.wav: the process that read this file ended with 3; .* kept"
        ):
            prepare(source, tmp_path / "corpus", processes=2)
    prepare(source, tmp_path / "corpus", processes=1)
    assert tree(tmp_path) == whole


def test_strict_in_several_processes(source, tmp_path):
    with pytest.raises(UserError, match=r"no audio\.wav: is text, not an audio file"):
        prepare(source, tmp_path / "corpus", strict=True, processes=2)
    assert list(tmp_path.iterdir()) == []


def test_one_process_at_a_time(source, tmp_path):
    with preparing.work_folder(tmp_path / "corpus"):
        with pytest.raises(UserError, match="another process prepares it"):
            prepare(source, tmp_path / "corpus", processes=1)
        assert (tmp_path / WORK).is_dir()


def test_shares_are_cut_by_size_and_number():
    sizes = [10, 5000, 10, 10, *[1] * 100]
    starts = list(range(0, 1040, 10))
    made = reading.shares(sizes, starts, 1)
    assert [share.number for share in made] == [1, reading.SHARE_FILES, 103 - 1 - reading.SHARE_FILES]
    assert [share.start for share in made] == [10, 20, 20 + 10 * reading.SHARE_FILES]
    assert reading.shares(sizes, starts, len(sizes)) == []
    assert [share.number for share in reading.shares([0, 0, 5], [0, 10, 20], 1)] == [2], "the first may be empty"


def work(corpus, end):
    """A run that is stopped by `end` once it has done something."""
    with work_folder(corpus) as made:
        keep_if_for(made, {"source": "speech"})
        (made / "hours").write_text("of work")
        raise end


def test_a_wrong_source_does_not_cost_the_work_of_an_interrupted_run(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        work(tmp_path / "corpus", KeyboardInterrupt())
    with pytest.raises(UserError, match="unmounted: cannot be read"):
        prepare(tmp_path / "unmounted", tmp_path / "corpus", name="yesno")
    assert (tmp_path / WORK / "hours").read_text() == "of work"
    with pytest.raises(UserError, match="a reason"):
        work(tmp_path / "corpus", UserError("a reason"))
    assert not (tmp_path / WORK).exists(), "it was this run's"


def test_a_link_to_itself_does_not_hide_its_folder(tmp_path):
    (tmp_path / "x.wav").symlink_to(tmp_path / "x.wav")
    (tmp_path / "y").symlink_to(tmp_path / "y")
    soundfile.write(tmp_path / "good.wav", np.zeros(4000, np.int16), 8000)
    audit = prepare(tmp_path, tmp_path.parent / f"{tmp_path.name}-corpus")
    assert audit["files"] == 1

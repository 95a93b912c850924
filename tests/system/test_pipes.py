"""Outputs that are no files: pipes, devices, terminals and descriptors that are open already."""

import os
import threading
from pathlib import Path

import pytest
from filled_outputs import fill

from wavegen.errors import UserError
from wavegen.system import pipes
from wavegen.system.atomic import Output


def read_in_background(path):
    got = []
    reader = threading.Thread(target=lambda: got.append(Path(path).read_bytes()))
    reader.start()
    return reader, got


@pytest.mark.parametrize("link", [False, True])
def test_a_pipe_is_written_to(tmp_path, link):
    os.mkfifo(tmp_path / "pipe")
    if link:
        (tmp_path / "link").symlink_to("pipe")
    reader, got = read_in_background(tmp_path / "pipe")
    data = os.urandom(300_000)  # more than a pipe holds
    fill(tmp_path / ("link" if link else "pipe"), data)
    reader.join()
    assert got == [data]
    assert (tmp_path / "pipe").is_fifo()


def test_a_pipe_s_reader_waits_for_the_work_and_gets_no_end_before(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader, got = read_in_background(tmp_path / "pipe")
    with Output(tmp_path / "pipe") as output:
        reader.join(0.2)
        assert reader.is_alive(), "it has seen no end of file"
        with output.filled() as temporary:
            temporary.write_bytes(b"new")
    reader.join()
    assert got == [b"new"]


def test_a_pipe_that_nobody_reads_is_said_to_be_one(tmp_path, monkeypatch):
    monkeypatch.setattr(pipes, "PATIENCE", 0.1)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="pipe: no program reads from this pipe; start one first"):
        Output(tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()


def test_a_reader_that_leaves_is_named(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reading = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with Output(tmp_path / "pipe") as output:
        os.close(reading)
        with pytest.raises(UserError, match="pipe: the program that read it has ended"), output.filled() as temporary:
            temporary.write_bytes(b"new")


def test_devices_stay_devices():
    before = os.stat("/dev/null").st_rdev
    fill("/dev/null", force=True)
    assert os.stat("/dev/null").st_rdev == before
    with pytest.raises(UserError, match="/dev/full: cannot be written: No space left on device"):
        fill("/dev/full")


def test_a_terminal_gets_no_audio():
    leader, follower = os.openpty()
    try:
        with pytest.raises(UserError, match="is a terminal; name a file"):
            Output(os.ttyname(follower))
        with pytest.raises(UserError, match="is a terminal; name a file"):
            Output(f"/dev/fd/{follower}")
    finally:
        os.close(leader)
        os.close(follower)


@pytest.mark.parametrize("name", ["/dev/fd/{}", "/proc/self/fd/{}", "link"])
def test_an_open_descriptor_is_gone_on_with(tmp_path, name):
    """/dev/stdout redirected into a file is that file, at the place that it has reached."""
    with open(tmp_path / "log", "wb") as log:
        log.write(b"old ")
        log.flush()
        target = name.format(log.fileno())
        if name == "link":
            (tmp_path / "link.wav").symlink_to(f"/dev/fd/{log.fileno()}")
            target = tmp_path / "link.wav"
        fill(target)
    assert (tmp_path / "log").read_bytes() == b"old new"

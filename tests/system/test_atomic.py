"""A file is whole or absent, its place is checked before the work, and nothing that is there is lost."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from filled_outputs import fill

from wavegen.errors import UserError
from wavegen.system import temporary
from wavegen.system.atomic import Output, replacing


def test_a_file_that_is_there_is_kept_unless_forced(tmp_path):
    path = tmp_path / "a"
    fill(path, b"old")
    with pytest.raises(UserError, match="a: exists already; name another file, or give `force=True` to replace it"):
        fill(path)
    assert path.read_bytes() == b"old"
    fill(path, force=True)
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("force", [False, True])
def test_what_is_no_file_is_never_replaced(tmp_path, force):
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="folder: is a folder; name a file"):
        Output(tmp_path / "folder", force)
    with socket.socket(socket.AF_UNIX) as open_socket:
        open_socket.bind(str(tmp_path / "s"))
        with pytest.raises(UserError, match="s: is a socket"):
            Output(tmp_path / "s", force)
    with pytest.raises(UserError, match=r"there is no folder .*nowhere; make it first"):
        Output(tmp_path / "nowhere" / "a", force)
    assert sorted(os.listdir(tmp_path)) == ["folder", "s"]


def test_a_link_to_nothing_exists(tmp_path):
    (tmp_path / "a").symlink_to("nothing")
    with pytest.raises(UserError, match="exists already"):
        Output(tmp_path / "a")
    fill(tmp_path / "a", force=True)
    assert (tmp_path / "a").readlink() == Path("nothing")
    assert (tmp_path / "nothing").read_bytes() == b"new"


def test_a_link_is_written_through_and_stays(tmp_path):
    (tmp_path / "there").mkdir()
    fill(tmp_path / "there" / "b", b"old")
    (tmp_path / "between").symlink_to("there/b")
    (tmp_path / "a").symlink_to("between")
    with Output(tmp_path / "a", force=True) as output:
        assert len(os.listdir(tmp_path / "there")) == 2, "what is temporary lies beside the file that it will become"
        assert (tmp_path / "a").read_bytes() == b"old"
        with output.filled() as temporary:
            temporary.write_bytes(b"new")
    assert (tmp_path / "a").readlink() == Path("between")
    assert (tmp_path / "there" / "b").read_bytes() == b"new"
    assert os.listdir(tmp_path / "there") == ["b"]


@pytest.mark.parametrize(
    ("link", "message"),
    [
        ("a", "a: is a link that leads back to itself; remove it, or name another file"),
        ("nowhere/b", r"a: is a link to .*/nowhere/b, and there is no folder .*/nowhere; make it first"),
        ("s", "a: is a socket; name a file"),
        (".", "a: is a folder; name a file"),
    ],
)
def test_a_link_to_what_cannot_be_written_is_refused(tmp_path, link, message):
    (tmp_path / "a").symlink_to(link)
    with socket.socket(socket.AF_UNIX) as open_socket:
        open_socket.bind(str(tmp_path / "s"))
        with pytest.raises(UserError, match=message):
            Output(tmp_path / "a", force=True)
    assert sorted(os.listdir(tmp_path)) == ["a", "s"]


def test_names_of_every_length_up_to_the_longest(tmp_path):
    for name in ("a" * 255, "ä" * 127, "a" * 240):
        fill(tmp_path / name)
    assert len(os.listdir(tmp_path)) == 3
    with pytest.raises(UserError, match="cannot be written: File name too long"):
        Output(tmp_path / ("a" * 256))
    with pytest.raises(UserError, match="cannot be written: File name too long"):
        Output(tmp_path / ("ä" * 128), force=True)


def test_a_place_that_cannot_be_written_is_known_before_the_work():
    with pytest.raises(UserError, match="/proc/a: cannot be written"):
        Output("/proc/a")


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664), (0o027, 0o640)])
def test_the_mode_is_the_umask_s(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        fill(tmp_path / "a")
    finally:
        os.umask(before)
    assert os.stat(tmp_path / "a").st_mode & 0o777 == mode


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, UserError, MemoryError])
def test_a_block_that_fails_leaves_all_as_it_was(tmp_path, error):
    (tmp_path / "a").write_bytes(b"old")
    with contextlib.suppress(error), replacing(tmp_path / "a") as temporary:
        temporary.write_bytes(b"half")
        raise error
    assert (tmp_path / "a").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_space_is_taken_before_the_work(tmp_path, full_disk):
    with Output(tmp_path / "a", size=4096):
        (temporary,) = tmp_path.iterdir()
        assert os.stat(temporary).st_blocks * 512 >= 4096
    with pytest.raises(UserError, match="a: cannot be written: File too large"):
        Output(tmp_path / "a", size=5000)
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.getuid() != 0, reason="mounting takes root")
def test_a_full_disk_says_how_much_is_needed_and_free(tmp_path):
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", tmp_path], check=False).returncode:
        pytest.skip("no mounts here")
    try:
        with pytest.raises(UserError, match=r"a: cannot be written: No space left .*; needs 2\.0 MB, 1\.0 MB are free"):
            Output(tmp_path / "a", size=2_000_000)
        assert os.listdir(tmp_path) == []
        fill(tmp_path / "a", size=500_000)
        assert (tmp_path / "a").read_bytes() == b"new"
    finally:
        subprocess.run(["umount", tmp_path], check=True)


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_comes_to_be_during_the_work_is_kept(tmp_path, monkeypatch, links):
    if not links:
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(PermissionError(1, "no links here")))
    with Output(tmp_path / "a") as output:
        (tmp_path / "a").write_bytes(b"another's")
        with pytest.raises(UserError, match=r"a: .*exist"), output.filled() as temporary:
            temporary.write_bytes(b"new")
    assert (tmp_path / "a").read_bytes() == b"another's"
    fill(tmp_path / "b")
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path):
    script = (
        "import os, sys; from wavegen.system.atomic import Output; o = Output(sys.argv[1]); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, tmp_path / "a"], check=False)
    (left,) = os.listdir(tmp_path)
    other = f".{'0' * 8}.{left.split('.')[2]}.0.part"  # of another machine that shares the folder
    mine = f".{temporary.here()}.{os.getpid()}.{10**9}.part"
    for name in (other, mine, ".a.part", "..part"):
        (tmp_path / name).write_bytes(b"")
    fill(tmp_path / "a")
    assert sorted(os.listdir(tmp_path)) == sorted([other, mine, ".a.part", "..part", "a"])


def test_many_outputs_in_one_folder(tmp_path):
    outputs = [Output(tmp_path / str(number)) for number in range(300)]
    assert len(os.listdir(tmp_path)) == 300
    assert len(os.listdir("/proc/self/fd")) < 200, "none holds a descriptor"
    for output in outputs:
        output.close()
    assert os.listdir(tmp_path) == []
    shutil.rmtree(tmp_path)
    outputs[0].close()


@pytest.fixture
def of_another():
    """A file that anybody may write, in a folder where only its owner may replace it; we are another user."""
    if os.geteuid() != 0:
        pytest.skip("only root can be two users")
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "o.wav")
        path.write_text("precious")
        os.chmod(path, 0o666)
        os.chmod(name, 0o1777)
        os.seteuid(65534)
        try:
            yield path
        finally:
            os.seteuid(0)


def test_another_user_s_file_in_a_sticky_folder_is_refused_before_the_work(of_another):
    with pytest.raises(UserError, match=r"o\.wav: cannot be written: Operation not permitted"):
        Output(of_another, force=True)
    link = of_another.with_name("link")
    link.symlink_to(of_another)
    with pytest.raises(UserError, match="link: cannot be written: Operation not permitted"):
        Output(link, force=True)
    assert of_another.read_text() == "precious"
    assert sorted(os.listdir(of_another.parent)) == ["link", "o.wav"]


def test_what_may_be_replaced_stays_until_it_is(tmp_path):
    (tmp_path / "o").write_text("old")
    with Output(tmp_path / "o", force=True) as output:
        assert (tmp_path / "o").read_text() == "old"
        assert all(path.is_file() for path in tmp_path.iterdir())
        with output.filled() as part:
            part.write_text("new")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["new"]


def test_a_folder_that_a_kill_left_while_that_was_tried_goes(tmp_path):
    run = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    (tmp_path / f".{temporary.here()}.{int(run.stdout)}.0.part").mkdir()
    with Output(tmp_path / "o"):
        pass
    assert list(tmp_path.iterdir()) == []

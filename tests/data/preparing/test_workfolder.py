"""A corpus comes to its place: a new folder, an empty one, a mount point, or that of another if this is asked for."""

import errno
import os
import signal
import subprocess
from pathlib import Path

import pytest
import workspace

from wavegen.audio import files as audio_files
from wavegen.cli.main import main
from wavegen.data.corpus import open_corpus
from wavegen.data.preparing import reading
from wavegen.data.preparing.audio import prepare
from wavegen.errors import UserError

FILES = ["corpus.json", "index.jsonl", "index.rows", "pcm.i16"]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    for index in range(24):
        audio_files.write(folder / f"{index}.wav", workspace.wander(1000 + index, index), 8000)
    return folder


@pytest.fixture(scope="module")
def whole(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "corpus"
    prepare(source, folder)
    return workspace.tree(folder)


@pytest.fixture
def volume(tmp_path):
    """An empty file system of its own."""
    if os.getuid() != 0:
        pytest.skip("mounting takes root")
    (tmp_path / "volume").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(tmp_path / "volume")]
    if subprocess.run(mount, check=False).returncode:
        pytest.skip("no mounts here")
    yield tmp_path / "volume"
    subprocess.run(["umount", str(tmp_path / "volume")], check=True)


def test_a_mount_point_takes_a_corpus_a_run_and_a_quickstart_s_folder(source, whole, volume, tmp_path):
    (volume / "lost+found").mkdir()
    prepare(source, volume)
    assert {name: data for name, data in workspace.tree(volume).items() if name != "lost+found"} == whole
    assert sorted(os.listdir(tmp_path)) == ["volume"]
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(workspace.RECIPE)
    for name in FILES:
        (volume / name).unlink()
    prepare(source, tmp_path / "corpus")
    assert main(["train", str(recipe), "--run", str(volume)]) == 0
    assert (volume / "model.safetensors").is_file()


def test_a_mount_point_that_is_left_half_way_is_gone_on_with(source, whole, volume, monkeypatch):
    read = audio_files.read
    monkeypatch.setattr(audio_files, "read", lambda *given: read(*given) if given[0].name != "12.wav" else 1 / 0)
    with pytest.raises(ZeroDivisionError):
        prepare(source, volume, processes=1)
    monkeypatch.undo()
    assert os.listdir(volume) == [".preparing"]
    prepare(source, volume, processes=1)
    assert workspace.tree(volume) == whole


def test_an_empty_folder_is_used_as_it_is(source, whole, tmp_path):
    """It may be what a container has of a disk, in a folder that is not to be written."""
    place = tmp_path / "place"
    (place / "c").mkdir(parents=True)
    inode = os.stat(place / "c").st_ino
    seen = []
    listdir = os.listdir
    prepare(source, place / "c")
    seen += listdir(place)
    assert seen == ["c"]
    assert os.stat(place / "c").st_ino == inode
    assert workspace.tree(place / "c") == whole


@pytest.mark.parametrize("name", ["mine.txt", ".hidden", "model.safetensors"])
@pytest.mark.parametrize("force", [False, True])
def test_a_folder_that_is_no_corpus_is_never_replaced(source, tmp_path, name, force):
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / name).write_text("precious")
    with pytest.raises(UserError, match="c: exists already and is no corpus; name another folder"):
        prepare(source, tmp_path / "c", force=force)
    assert workspace.tree(tmp_path) == {"c": None, f"c/{name}": b"precious"}


def test_force_replaces_a_corpus_and_nothing_else_in_its_folder(source, whole, tmp_path, capsys):
    few = tmp_path / "few"
    few.mkdir()
    for index in range(3):
        (few / f"{index}.wav").write_bytes((source / f"{index}.wav").read_bytes())
    prepare(few, tmp_path / "c")
    (tmp_path / "c" / "notes.txt").write_text("precious")
    before = workspace.tree(tmp_path)
    assert main(["prepare", str(source), str(tmp_path / "c")]) == 2
    assert "give --force to replace the corpus" in capsys.readouterr().err
    assert main(["prepare", str(tmp_path / "absent"), str(tmp_path / "c"), "--force"]) == 2
    assert workspace.tree(tmp_path) == before, "what fails costs nothing"
    assert main(["prepare", str(source), str(tmp_path / "c"), "--force"]) == 0
    assert workspace.tree(tmp_path / "c") == {**whole, "notes.txt": b"precious"}
    assert main(["prepare", "digits", str(tmp_path / "c"), "--force"]) == 0
    assert open_corpus(tmp_path / "c").audit.get("pictures") == 1797


def test_a_kill_while_files_are_put_in_place_is_made_good(source, whole, tmp_path):
    (tmp_path / "c" / ".preparing").mkdir(parents=True)
    (tmp_path / "c" / "pcm.i16").write_bytes(b"moved already")
    prepare(source, tmp_path / "c")
    assert workspace.tree(tmp_path / "c") == whole


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EXDEV, errno.ENOTEMPTY])
@pytest.mark.parametrize("exists", [False, True])
def test_finished_work_that_cannot_be_put_in_place_is_kept(source, tmp_path, monkeypatch, number, exists):
    if exists:
        (tmp_path / "c").mkdir()

    def refuse(self, target):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(UserError, match=r"c: cannot be written: .*; the corpus is finished and lies in \S+preparing"):
        prepare(source, tmp_path / "c")
    monkeypatch.undo()
    folder = tmp_path / "c" / ".preparing" if exists else tmp_path / ".c.preparing"
    assert len(open_corpus(folder).recordings) == 24


def test_a_killed_reader_is_one_line_and_costs_no_work(source, whole, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(reading, "SHARE_BYTES", 4000)
    monkeypatch.setattr("wavegen.data.preparing.audio.cpus", lambda: 2)
    dies = "import os, wavegen.audio.files as a; r = a.read; "
    dies += "a.read = lambda p, *w: os.kill(os.getpid(), 9) if p.name == '5.wav' else r(p, *w)"
    with monkeypatch.context() as patch:
        patch.setattr(reading, "CODE", reading.CODE.replace("from wavegen", f"{dies}\nfrom wavegen"))
        assert main(["prepare", str(source), str(tmp_path / "c")]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert f"{source}/5.wav: the process that read this file" in line
    assert f"was killed by signal {signal.SIGKILL}, as the system does where memory is short" in line
    assert main(["prepare", str(source), str(tmp_path / "c")]) == 0
    assert workspace.tree(tmp_path) == {"c": None} | {f"c/{name}": data for name, data in whole.items()}


@pytest.mark.parametrize("processes", [1, 2])
def test_a_file_that_needs_too_much_memory_is_refused_by_name(source, tmp_path, monkeypatch, processes):
    monkeypatch.setattr(reading, "SHARE_BYTES", 4000)
    lacks = """
import wavegen.audio.files as a
r = a.read
def read(path, *words):
    if path.name == '7.wav':
        raise MemoryError
    return r(path, *words)
a.read = read
"""
    monkeypatch.setattr(reading, "CODE", reading.CODE.replace("from wavegen", f"exec({lacks!r})\nfrom wavegen"))
    read = audio_files.read

    def short(path, *words):
        if path.name == "7.wav":
            raise MemoryError
        return read(path, *words)

    monkeypatch.setattr(audio_files, "read", short)
    audit = prepare(source, tmp_path / "c", processes=processes)
    (refused,) = audit["refused"]
    assert refused["file"].endswith("7.wav")
    assert "7.wav: too little memory for its samples; free some" in refused["reason"]
    assert audit["files"] == 23
    with pytest.raises(UserError, match=r"none of its 1 files is usable; first: .*7\.wav: too little memory"):
        prepare(source / "7.wav", tmp_path / "d")
    assert os.listdir(tmp_path) == ["c"]


def test_a_run_in_a_corpus_is_refused(source, tmp_path, capsys):
    prepare(source, tmp_path / "corpus")
    (tmp_path / "recipe.toml").write_text(workspace.RECIPE)
    before = workspace.tree(tmp_path)
    assert main(["train", str(tmp_path / "recipe.toml"), "--run", str(tmp_path / "corpus")]) == 2
    assert "corpus: is a corpus; give another --run" in capsys.readouterr().err
    assert workspace.tree(tmp_path) == before


@pytest.mark.parametrize("name", ["n" * 255, "é" * 127, "n" * 245, "n" * 244])
def test_a_corpus_may_have_the_longest_name_there_is(source, tmp_path, name, monkeypatch):
    """An interruption keeps the work, and the same command takes it up."""
    with monkeypatch.context() as patch:
        patch.setattr("wavegen.data.preparing.audio.finish", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            prepare(source, tmp_path / name)
    (kept,) = os.listdir(tmp_path)
    assert kept.startswith(".")
    prepare(source, tmp_path / name)
    assert os.listdir(tmp_path) == [name]
    assert sorted(os.listdir(tmp_path / name)) == FILES


def _interrupt(*_args, **_kwargs):
    raise KeyboardInterrupt

"""Standard streams that are closed, full or unread end no work, and no result is lost without a word."""

import os
import re
import subprocess
import sys
import warnings

import pytest

from wavegen.cli import exits
from wavegen.system import limits

WAVEGEN = f"{sys.executable} -m wavegen"


def shell(line, folder):
    return subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full", "2> >(true)"])
@pytest.mark.parametrize(
    "command",
    [
        "generate gru {}/o.wav --seconds 0.05",
        "prepare source {}/corpus",
        "train recipe.toml --run {}/run",
        "score gru a.wav",
    ],
)
def test_no_command_needs_stderr(furnished, tmp_path, command, stderr):
    done = shell(f"{WAVEGEN} {command.format(tmp_path)} {stderr}", furnished)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert len(os.listdir(tmp_path)) == (0 if command.startswith("score") else 1)


@pytest.mark.parametrize("command", ["score gru a.wav", "info gru --json", "info", "score --help", "--version"])
def test_a_full_stdout_is_said(furnished, command):
    done = shell(f"{WAVEGEN} {command} >/dev/full", furnished)
    said = [line for line in done.stderr.splitlines() if not line.startswith("wavegen: warning: a.wav: ")]
    assert (done.returncode, said) == (2, ["wavegen: stdout: cannot be written: No space left on device"])


def test_a_closed_stdout_is_said_before_the_work(furnished, tmp_path):
    done = shell(f"{WAVEGEN} generate gru {tmp_path}/o.wav --seconds 1000 >&-", furnished)
    assert (done.returncode, done.stderr) == (2, "wavegen: stdout: is closed; send it somewhere, as with >/dev/null\n")
    assert os.listdir(tmp_path) == []


def test_all_closed(furnished, tmp_path):
    """No file that is opened later becomes stderr, to which libraries print."""
    done = shell(f"{WAVEGEN} generate gru {tmp_path}/o.wav --seconds 0.01 <&- >/dev/null 2>&-", furnished)
    assert done.returncode == 0
    assert shell(f"{WAVEGEN} score absent a.wav <&- >&- 2>&-", furnished).returncode == 2
    assert os.listdir(tmp_path) == ["o.wav"]


def test_errors_are_shown_where_stderr_can_be_written(furnished):
    done = shell(f"{WAVEGEN} score absent a.wav 2>&1 >/dev/full", furnished)
    assert done.returncode == 2
    assert done.stdout.startswith("wavegen: absent: no such file")


@pytest.mark.parametrize(
    ("error", "short"),
    [
        (MemoryError(), True),
        (OSError(12, "Cannot allocate memory"), True),
        (ImportError("libtorch_cpu.so: failed to map segment from shared object"), True),
        (OSError("libtorch_global_deps.so: failed to map segment from shared object: Cannot allocate memory"), True),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory"),
            True,
        ),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (RuntimeError("std::bad_alloc"), True),
        (ImportError("No module named 'torch'"), False),
        (RuntimeError("expected a tensor"), False),
        (OSError(5, "Input/output error"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_want_of_memory_in_every_library_s_words(error, short, capsys):
    def command():
        raise error

    assert limits.is_no_memory(error) == short
    code = exits.ended(command)
    err = capsys.readouterr().err
    assert ("too little memory" in err) == short, err
    assert len(err.splitlines()) == 1
    assert code == (2 if short or isinstance(error, OSError) else 1)


def test_want_of_memory_as_a_cause(capsys):
    def command():
        try:
            raise ImportError("x.so: cannot allocate memory in static TLS block")
        except ImportError as error:
            raise RuntimeError("an engine is missing") from error

    assert exits.ended(command) == 2
    assert "too little memory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (PermissionError(13, "Permission denied", "c/pcm.i16"), "c/pcm.i16: Permission denied; change its permissions"),
        (OSError(5, "Input/output error", b"c/x\xff"), "c/x\\udcff: Input/output error"),
        (OSError(18, "Invalid cross-device link", "a", None, "b"), "a and b: Invalid cross-device link"),
        (OSError(116, "Stale file handle"), "the system: Stale file handle"),
        (BlockingIOError(11, "Resource temporarily unavailable", "a.wav"), "a.wav: Resource temporarily unavailable"),
        *(
            (
                error,
                f"no more threads or processes can be started ({error}); end some, or raise the limits "
                "(ulimit -u, ulimit -v)",
            )
            for error in (
                RuntimeError("can't start new thread"),
                BlockingIOError(11, "Resource temporarily unavailable"),
            )
        ),
    ],
)
def test_what_the_system_refuses_is_no_bug(error, line, capsys):
    def command():
        raise error

    assert exits.ended(command) == 2
    assert capsys.readouterr().err == f"wavegen: {line}\n"


@pytest.mark.parametrize(
    ("command", "limit", "library"),
    [
        ("train recipe.toml --run {}/run", 50_000, "numpy"),
        ("train recipe.toml --run {}/run", 180_000, "torch"),
        ("train recipe.toml --run {}/run", 300_000, "torch"),
        ("train recipe.toml --run {}/run", 500_000, "torch"),  # where C++ aborts
        ("generate gru {}/o.wav", 50_000, "numpy"),
        ("generate gru {}/o.wav", 80_000, "numpy"),  # where OpenBLAS exits
        ("info gru", 100_000, "numpy"),
    ],
)
def test_a_library_that_has_no_room(furnished, tmp_path, command, limit, library):
    done = shell(f"ulimit -v {limit}; {WAVEGEN} {command.format(tmp_path)}", furnished)
    assert done.returncode == 2, done.stderr
    line = rf"wavegen: ulimit -v: {library} cannot be loaded into the \S+ MB of address space left; raise the limit\n"
    assert re.fullmatch(line, done.stderr), done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("threads", [1, 64])
def test_where_room_begins_to_be_enough(furnished, tmp_path, threads):
    """Each limit gives one line or the result, and none that is lower than another that does gives the result."""
    codes = []
    for limit in (150_000, 800_000, 4_000_000):
        command = f"{WAVEGEN} features gru a.wav {tmp_path}/{limit}.npz"
        done = shell(f"export OMP_NUM_THREADS={threads}; ulimit -v {limit}; {command}", furnished)
        said = [line for line in done.stderr.splitlines() if not line.startswith("wavegen: warning: ")]
        assert (done.returncode, len(said)) in [(0, 0), (2, 1)], (limit, done.stderr)
        codes.append(done.returncode)
    assert codes == sorted(codes, reverse=True)
    assert (codes[0], codes[-1]) == (2, 0)


def test_little_room_is_enough_without_torch(furnished, tmp_path):
    done = shell(f"ulimit -v 250000; {WAVEGEN} generate gru {tmp_path}/o.wav --seconds 0.01", furnished)
    assert done.returncode == 0, done.stderr


def test_warnings_of_libraries_about_what_they_do_without_are_not_shown(capsys):
    def command():
        warnings.warn("tqdm:disabling monitor support (monitor_interval = 0) due to:\nno thread", stacklevel=1)

    before = list(warnings.filters)
    assert exits.ended(command) == 0
    assert capsys.readouterr().err == ""
    assert warnings.filters == before

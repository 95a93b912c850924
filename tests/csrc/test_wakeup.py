"""Every notification of an engine's second thread arrives."""

import subprocess
from pathlib import Path

import pytest
from native_programs import COMPILER, FLAGS, ROOT, arm_compiler, arm_emulator, run_program, sanitizing_compiler

NOTIFICATIONS = 200_000
EXPECTED = f"{NOTIFICATIONS} notifications received\n"


def output(folder: Path, compiler: list[str], *runner: str) -> str:
    """The output of tests/csrc/native/wakeup.cpp, made by a compiler and run by a runner."""
    program = folder / "wakeup"
    subprocess.run([*compiler, *FLAGS, str(ROOT / "tests/csrc/native/wakeup.cpp"), "-o", str(program)], check=True)
    run = run_program(*runner, program, str(NOTIFICATIONS))
    return run.stdout + run.stderr


@pytest.mark.skipif(COMPILER is None, reason="there is no C++ compiler")
def test_every_notification_arrives(tmp_path):
    assert output(tmp_path, [str(COMPILER)]) == EXPECTED


@pytest.mark.skipif(COMPILER is None, reason="there is no C++ compiler")
def test_writes_before_a_notification_are_read_after_it(tmp_path):
    assert output(tmp_path, sanitizing_compiler("thread", tmp_path)) == EXPECTED


def test_every_notification_arrives_on_an_emulated_arm(tmp_path):
    """It orders memory less strictly than this machine does, and less than ARM."""
    assert output(tmp_path, arm_compiler(), arm_emulator()) == EXPECTED

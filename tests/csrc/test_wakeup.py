"""Every ring of the bell that wakes an engine's second thread is heard."""

import subprocess
from pathlib import Path

import pytest
from native_programs import ARM_COMPILER, COMPILER, FLAGS, ROOT, arm_emulator, run_program, sanitizing_compiler

RINGS = 200_000


def said(folder: Path, compiler: list[str], *runner: str) -> str:
    """What tests/csrc/native/bell.cpp prints, made by a compiler and run by a runner."""
    program = folder / "bell"
    subprocess.run([*compiler, *FLAGS, str(ROOT / "tests/csrc/native/bell.cpp"), "-o", str(program)], check=True)
    run = run_program(*runner, program, str(RINGS))
    return run.stdout + run.stderr


@pytest.mark.skipif(COMPILER is None, reason="there is no C++ compiler")
def test_every_ring_is_heard(tmp_path):
    assert said(tmp_path, [str(COMPILER)]) == f"{RINGS} rings were heard\n"


@pytest.mark.skipif(COMPILER is None, reason="there is no C++ compiler")
def test_what_was_written_before_a_ring_is_read_after_it(tmp_path):
    assert said(tmp_path, sanitizing_compiler("thread", tmp_path)) == f"{RINGS} rings were heard\n"


def test_every_ring_is_heard_by_an_emulated_arm(tmp_path):
    """It orders memory less strictly than this machine does, and less than ARM."""
    assert said(tmp_path, ARM_COMPILER, arm_emulator()) == f"{RINGS} rings were heard\n"

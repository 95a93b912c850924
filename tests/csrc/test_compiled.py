"""Programs that are compiled with the engine's sources: what they allocate, and the bits of another architecture."""

import pytest
from native_programs import COMPILER, arm_compiler, arm_emulator, compiled, hashes, run_program


@pytest.mark.skipif(COMPILER is None, reason="there is no C++ compiler")
def test_an_open_engine_allocates_nothing(tmp_path):
    """A program that counts each allocation runs every network, distribution and precision with portable kernels."""
    run = run_program(compiled("allocations", tmp_path, [str(COMPILER)]))
    assert (run.returncode, run.stdout) == (0, "112 runs, 0 allocations\n"), run.stderr


@pytest.mark.skipif(COMPILER is None, reason="there is no C++ compiler")
def test_neon_gives_the_same_bits(tmp_path):
    """The kernels of ARM CPUs, cross-compiled and run by an emulator, against this machine's."""
    emulator = arm_emulator()
    here = hashes(str(compiled("hashes", tmp_path, [str(COMPILER)])))
    there = hashes(emulator, str(compiled("hashes", tmp_path, arm_compiler(), "neon")))
    assert set(there) == {"neon", "portable"}
    values = here["portable"]
    assert len(values) == 112
    assert len(set(values.values())) == 84  # one thread or two are the same
    assert there["neon"] == here["portable"]
    assert there["portable"] == here["portable"]

"""The kernels of ARM CPUs, cross-compiled and run by an emulator, give the bits of this machine's."""

import pytest
from native_programs import ARM_COMPILER, COMPILER, arm_emulator, compiled, hashes


@pytest.mark.skipif(COMPILER is None, reason="there is no C++ compiler")
def test_neon_gives_the_same_bits(tmp_path):
    emulator = arm_emulator()
    here = hashes(str(compiled("hashes", tmp_path, [str(COMPILER)])))
    there = hashes(emulator, str(compiled("hashes", tmp_path, ARM_COMPILER, "neon")))
    assert set(there) == {"neon", "portable"}
    values = here["portable"]
    assert len(values) == 96
    assert len(set(values.values())) == 72  # one thread or two are the same
    assert there["neon"] == here["portable"]
    assert there["portable"] == here["portable"]

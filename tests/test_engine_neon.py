"""The kernels of ARM CPUs, cross-compiled and run by an emulator, give the bits of this machine's."""

import importlib.util
import shutil
import sys

import pytest
from native_programs import COMPILER, compiled, hashes

EMULATOR = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")


@pytest.mark.skipif(COMPILER is None, reason="there is no C++ compiler")
@pytest.mark.skipif(EMULATOR is None, reason="there is no qemu-aarch64 (Debian: apt install qemu-user-static)")
@pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="there is no cross-compiler (pip: ziglang)")
def test_neon_gives_the_same_bits(tmp_path):
    zig = [sys.executable, "-m", "ziglang", "c++", "-target", "aarch64-linux-musl", "-static"]
    assert EMULATOR is not None
    here = hashes(str(compiled("hashes", tmp_path, [str(COMPILER)])))
    there = hashes(EMULATOR, str(compiled("hashes", tmp_path, zig, "neon")))
    assert set(there) == {"neon", "portable"}
    values = here["portable"]
    assert len(values) == 72
    assert len(set(values.values())) == 48  # one thread or two are the same
    assert there["neon"] == here["portable"]
    assert there["portable"] == here["portable"]

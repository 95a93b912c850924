"""The kernels of ARM CPUs, cross-compiled and run by an emulator, give the bits of this machine's."""

import importlib.util
import shutil
import subprocess
import sys

import pytest
from native_programs import COMPILER, compiled

EMULATOR = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")


def lines(*command: str) -> dict[str, dict[str, str]]:
    """What hashes.cpp prints: instruction set to what was run to its hash."""
    found: dict[str, dict[str, str]] = {}
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        isa, what, value = line.split(" ", 1)[0], line.split(" ", 1)[1].rsplit(" ", 1)[0], line.rsplit(" ", 1)[1]
        found.setdefault(isa, {})[what] = value
    return found


@pytest.mark.skipif(COMPILER is None, reason="there is no C++ compiler")
@pytest.mark.skipif(EMULATOR is None, reason="there is no qemu-aarch64 (Debian: apt install qemu-user-static)")
@pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="there is no cross-compiler (pip: ziglang)")
def test_neon_gives_the_same_bits(tmp_path):
    zig = [sys.executable, "-m", "ziglang", "c++", "-target", "aarch64-linux-musl", "-static"]
    assert EMULATOR is not None
    here = lines(str(compiled("hashes", tmp_path, [str(COMPILER)])))
    there = lines(EMULATOR, str(compiled("hashes", tmp_path, zig, "neon")))
    assert set(there) == {"neon", "portable"}
    assert len(set(here["portable"].values())) == len(here["portable"]) == 24
    assert there["neon"] == here["portable"]
    assert there["portable"] == here["portable"]

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
COMPILER = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")


@pytest.mark.skipif(COMPILER is None, reason="needs a C++ compiler")
def test_an_open_engine_allocates_nothing(tmp_path):
    """A program that counts each allocation runs every network, head and precision, with the portable kernels."""
    assert COMPILER is not None
    sources = [
        path for path in (ROOT / "csrc").glob("*.cpp") if not path.name.startswith(("bind", "adaptive", "replay"))
    ]
    sources += [ROOT / "csrc/cpu/portable.cpp", ROOT / "csrc/cpu/select.cpp", ROOT / "tests/native/allocations.cpp"]
    program = tmp_path / "allocations"
    flags = ["-std=c++17", "-O1", "-ffp-contract=off", "-pthread", f"-I{ROOT / 'csrc'}"]
    subprocess.run([COMPILER, *flags, *map(str, sources), "-o", str(program)], check=True)
    run = subprocess.run([program], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "72 runs, 0 allocations\n"), run.stderr

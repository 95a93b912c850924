import subprocess

import pytest
from native_programs import COMPILER, compiled


@pytest.mark.skipif(COMPILER is None, reason="there is no C++ compiler")
def test_an_open_engine_allocates_nothing(tmp_path):
    """A program that counts each allocation runs every network, head and precision, with the portable kernels."""
    program = compiled("allocations", tmp_path, [str(COMPILER)])
    run = subprocess.run([program], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "72 runs, 0 allocations\n"), run.stderr

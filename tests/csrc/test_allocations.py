import pytest
from native_programs import COMPILER, compiled, run_program


@pytest.mark.skipif(COMPILER is None, reason="there is no C++ compiler")
def test_an_open_engine_allocates_nothing(tmp_path):
    """A program that counts each allocation runs every network, head and precision, with the portable kernels."""
    run = run_program(compiled("allocations", tmp_path, [str(COMPILER)]))
    assert (run.returncode, run.stdout) == (0, "96 runs, 0 allocations\n"), run.stderr

"""The engine under the compiler's sanitizers: no access out of bounds, nothing undefined, no race."""

import pytest
from native_programs import COMPILER, X86, compiled, hashes, sanitizing_compiler

# The kernels that take longest to compile only where vectors could reach too far.
KERNELS = {"address": ["avx2", "avx512", "avx512vnni"], "thread": []}
LEAST_THREADS = {"address": "1", "thread": "2"}  # one alone has no races


@pytest.mark.skipif(COMPILER is None, reason="there is no C++ compiler")
@pytest.mark.parametrize("name", KERNELS)
def test_every_network_runs_clean_with_the_same_bits(name, tmp_path):
    compiler = sanitizing_compiler(name, tmp_path)
    program = compiled("hashes", tmp_path, compiler, *(KERNELS[name] if X86 else []))
    found = hashes(str(program), LEAST_THREADS[name])
    assert "portable" in found
    assert all(values == found["portable"] for values in found.values())

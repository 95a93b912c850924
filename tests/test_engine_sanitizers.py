"""The engine under the compiler's sanitizers: no access out of bounds, nothing undefined, no race."""

import subprocess

import pytest
from native_programs import COMPILER, X86, compiled, hashes

SANITIZERS = {  # flags, and the kernels that take longest to compile only where vectors could reach too far
    "address": (["-fsanitize=address,undefined", "-fno-sanitize-recover=all"], ["avx2", "avx512", "avx512vnni"]),
    "thread": (["-fsanitize=thread"], []),
}


def works(flags: list[str], folder) -> bool:
    """Whether the compiler has the sanitizer, with its library, and a program made with it runs here."""
    source, program = folder / "empty.cpp", folder / "empty"
    source.write_text("int main() { return 0; }\n")
    made = subprocess.run([str(COMPILER), *flags, str(source), "-o", str(program)], capture_output=True, check=False)
    return made.returncode == 0 and subprocess.run([str(program)], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(COMPILER is None, reason="there is no C++ compiler")
@pytest.mark.parametrize("name", SANITIZERS)
def test_every_network_runs_clean_with_the_same_bits(name, tmp_path):
    flags, wide = SANITIZERS[name]
    if not works(flags, tmp_path):
        pytest.skip(f"the compiler cannot sanitize: {flags[0]}")
    found = hashes(str(compiled("hashes", tmp_path, [str(COMPILER), *flags], *(wide if X86 else []))))
    assert "portable" in found
    assert all(values == found["portable"] for values in found.values())

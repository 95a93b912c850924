"""Code for a wide instruction set must be reached through its own functions only, or older CPUs stop at it."""

import re
import shutil
import subprocess

import pytest

native = pytest.importorskip("wavegen_native", reason="the C++ engine is not installed")
WIDE = ("wavegen::avx2::", "wavegen::avx512::", "wavegen::avx512vnni::")


@pytest.fixture(scope="module")
def functions() -> dict[str, list[str]]:
    """The instructions of each function of the extension that are AVX or later: those whose names begin with v."""
    if not shutil.which("objdump"):
        pytest.skip("there is no objdump (Debian: apt install binutils)")
    command = ["objdump", "--disassemble", "--demangle", "--no-show-raw-insn", native.__file__]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "x86-64" not in text[:200]:
        pytest.skip("not an x86 build")
    found: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        if match := re.match(r"[0-9a-f]+ <(.*)>:$", line):
            name = match[1].removeprefix("void ")  # templates are shown with what they return
            found.setdefault(name, [])
        elif (match := re.match(r"\s*[0-9a-f]+:\s+(?:\{\w+\} )?(v\w+)", line)) and not match[1].startswith("ver"):
            found[name].append(match[1])
    return found


def test_no_wide_instruction_outside_its_functions(functions):
    leaks = {name: set(wide) for name, wide in functions.items() if wide and not name.startswith(WIDE)}
    assert not leaks


def test_the_extension_still_has_its_symbols_and_wide_functions(functions):
    for isa in ("portable", "avx2", "avx512", "avx512vnni"):
        assert any(name.startswith(f"wavegen::{isa}::") and "product" in name for name in functions)
    for prefix in WIDE:
        wide = set().union(*(found for name, found in functions.items() if name.startswith(prefix)))
        assert any(instruction.startswith("vfmadd") for instruction in wide)


@pytest.mark.parametrize(
    ("isa", "tile", "multiply_add"),
    [("avx2", "tile<.*, ", "vfmadd"), ("avx512", "tile<.*, ", "vfmadd"), ("avx512vnni", "int8_tile<", "vpdpbusd")],
)
def test_every_sum_of_a_product_stays_in_a_register(functions, isa, tile, multiply_add):
    """Each of its multiply-adds is written out; of a loop over them, the sums would be in memory."""
    tiles = {}
    for name, instructions in functions.items():
        if name.startswith(f"wavegen::{isa}::") and (size := re.search(rf"::{tile}(\d+)ul, (\d+)ul>", name)):
            tiles[name] = (int(size[1]) * int(size[2]), sum(code.startswith(multiply_add) for code in instructions))
    assert len(tiles) > 20
    assert {name: counts for name, counts in tiles.items() if counts[0] != counts[1]} == {}


@pytest.mark.parametrize(("isa", "registers"), [("avx2", 12), ("avx512", 24)])
def test_the_multiply_adds_that_products_are_compared_with_stay_in_registers(functions, isa, registers):
    (spin,) = [found for name, found in functions.items() if name.startswith(f"wavegen::{isa}::") and "::spin(" in name]
    assert sum(code.startswith("vfmadd") for code in spin) == registers

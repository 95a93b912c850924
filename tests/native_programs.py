"""Compiles the small C++ programs of tests/native with the engine's sources."""

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
COMPILER = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")
FLAGS = ["-std=c++17", "-O1", "-g", "-ffp-contract=off", "-pthread", f"-I{ROOT / 'csrc'}"]
AVX512 = ["-mavx512f", "-mavx512bw"]
KERNELS: dict[str, list[str]] = {  # files of csrc/cpu and what they are compiled with, as in csrc/CMakeLists.txt
    "portable": [],
    "neon": [],
    "avx2": ["-mavx2", "-mfma"],
    "avx512": AVX512,
    "avx512vnni": [*AVX512, "-mavx512vnni"],
}
NOT_OF_THE_ENGINE = ("bind", "adaptive", "replay")
X86 = platform.machine().lower() in ("x86_64", "amd64")
ARM_COMPILER = [sys.executable, "-m", "ziglang", "c++", "-target", "aarch64-linux-musl", "-static"]
EMULATOR = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")
SANITIZERS = {
    "address": ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    "thread": ["-fsanitize=thread"],
}


def arm_emulator() -> str:
    """The program that runs what ARM_COMPILER makes; skips where one of the two is missing."""
    if EMULATOR is None:
        pytest.skip("there is no qemu-aarch64 (Debian: apt install qemu-user-static)")
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("there is no cross-compiler (pip: ziglang)")
    return EMULATOR


def sanitizing_compiler(name: str, folder: Path) -> list[str]:
    """The compiler with a sanitizer; skips where it has none, or not its library, or what it makes does not run."""
    source, program = folder / "empty.cpp", folder / "empty"
    source.write_text("int main() { return 0; }\n")
    compiler = [str(COMPILER), *SANITIZERS[name]]
    made = subprocess.run([*compiler, str(source), "-o", str(program)], capture_output=True, check=False)
    if made.returncode != 0 or subprocess.run([str(program)], capture_output=True, check=False).returncode != 0:
        pytest.skip(f"the compiler cannot sanitize: {compiler[1]}")
    return compiler


def compiled(name: str, folder: Path, compiler: Sequence[str], *kernels: str) -> Path:
    """The program tests/native/NAME.cpp with the engine, its portable kernels and others of KERNELS."""
    program, objects = folder / f"{name}-{'-'.join(kernels)}", []
    for kernel in ("portable", *kernels):
        objects.append(str(folder / f"{name}-{kernel}.o"))
        source = str(ROOT / "csrc/cpu" / f"{kernel}.cpp")
        subprocess.run([*compiler, *FLAGS, *KERNELS[kernel], "-w", "-c", source, "-o", objects[-1]], check=True)
    sources = [path for path in sorted((ROOT / "csrc").glob("*.cpp")) if not path.name.startswith(NOT_OF_THE_ENGINE)]
    sources += [ROOT / "csrc/cpu/select.cpp", ROOT / "tests/native" / f"{name}.cpp"]
    x86 = ["-DWAVEGEN_X86"] if "avx512vnni" in kernels else []
    subprocess.run([*compiler, *FLAGS, *x86, *map(str, sources), *objects, "-o", str(program)], check=True)
    return program


def run_program(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs what was compiled; what hangs is killed and fails the one test, before pytest ends them all."""
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)


def hashes(*command: str) -> dict[str, dict[str, str]]:
    """What hashes.cpp prints: instruction set to what was run to its hash."""
    found: dict[str, dict[str, str]] = {}
    run = run_program(*command)
    assert run.returncode == 0, run.stderr[:4000]
    for line in run.stdout.splitlines():
        isa, *what, value = line.split()
        found.setdefault(isa, {})[" ".join(what)] = value
    return found

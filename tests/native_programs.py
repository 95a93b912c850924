"""Compiles the small C++ programs of tests/native with the engine's sources."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
COMPILER = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")
PORTABLE = ["-std=c++17", "-O1", "-ffp-contract=off", "-pthread"]
NOT_OF_THE_ENGINE = ("bind", "adaptive", "replay")


def compiled(name: str, folder: Path, compiler: Sequence[str], *kernels: str) -> Path:
    """The program tests/native/NAME.cpp with the engine and its portable kernels, and others of csrc/cpu."""
    sources = [path for path in sorted((ROOT / "csrc").glob("*.cpp")) if not path.name.startswith(NOT_OF_THE_ENGINE)]
    sources += [ROOT / "csrc/cpu" / f"{kernel}.cpp" for kernel in ("portable", "select", *kernels)]
    program = folder / f"{name}-{'-'.join(kernels)}"
    files = [*map(str, sources), str(ROOT / "tests/native" / f"{name}.cpp")]
    subprocess.run([*compiler, *PORTABLE, f"-I{ROOT / 'csrc'}", *files, "-o", str(program)], check=True)
    return program

"""How the CUDA engine is built: by nvcc where there is one that works, and otherwise not, with one line of warning."""

import importlib.util
import os
import re
import shutil
import stat
import subprocess
import sys

import pytest
from native_programs import COMPILER, ROOT

NVCC = shutil.which("nvcc") or shutil.which("nvcc", path="/usr/local/cuda/bin")
needs_nvcc = pytest.mark.skipif(NVCC is None, reason="there is no CUDA compiler (nvcc)")


@needs_nvcc
def test_where_there_is_an_nvcc_the_engine_was_built():
    assert importlib.util.find_spec("wavegen_cuda") is not None


def cuobjdump() -> str | None:
    """The toolkit's, or the one that Triton brings, which comes with PyTorch."""
    triton = importlib.util.find_spec("triton")
    folders = [f"{folder}/backends/nvidia/bin" for folder in (triton and triton.submodule_search_locations) or ()]
    return shutil.which("cuobjdump", path=os.pathsep.join([os.environ["PATH"], "/usr/local/cuda/bin", *folders]))


@needs_nvcc
def test_it_has_code_for_the_gpus_it_is_for():
    elf, ptx = (listed_of_the_engine(flag) for flag in ("--list-elf", "--list-ptx"))
    assert "sm_80.cubin" in elf
    assert "sm_90.cubin" in elf
    assert "sm_90.ptx" in ptx


def listed_of_the_engine(flag: str) -> str:
    """What cuobjdump lists of the built engine; skips where one of the two is missing."""
    spec = importlib.util.find_spec("wavegen_cuda")
    tool = cuobjdump()
    if tool is None or spec is None:
        pytest.skip("there is no cuobjdump, or no engine")
    return subprocess.run([tool, flag, str(spec.origin)], capture_output=True, text=True, check=True).stdout


@needs_nvcc
def test_no_threads_registers_spill_to_memory():
    stacks = re.findall(r"REG:\d+ STACK:(\d+)", listed_of_the_engine("--dump-resource-usage"))
    assert len(stacks) >= 20  # kernels for two kinds of GPUs
    assert set(stacks) == {"0"}


@needs_nvcc
def test_nvcc_compiles_the_kernels_with_their_clocks(tmp_path):
    """Without a warning; not optimised, and only as far as to the instructions that all GPUs share, to be quick."""
    assert NVCC is not None
    flags = ["-std=c++17", "-G", "-fmad=false", f"-I{ROOT / 'csrc'}", "--expt-relaxed-constexpr", "-arch=sm_90"]
    flags += ["-DWAVEGEN_CLOCKS", "-Werror=all-warnings", "-ptx"]
    command = [NVCC, *flags, str(ROOT / "csrc/cuda/kernels.cu"), "-o", str(tmp_path / "kernels.ptx")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout + run.stderr) == (0, "")
    assert "%clock64" in (tmp_path / "kernels.ptx").read_text(encoding="utf-8")


BROKEN = {
    "fails": "exit 1",
    "compiles nothing": """case $* in
*dryrun*) echo "#$ TOP=$TOOLKIT" >&2 ;;
*) echo 'nvcc fatal: boom' >&2; exit 1 ;;
esac""",
}


@pytest.mark.skipif(COMPILER is None or shutil.which("cmake") is None, reason="there is no C++ compiler or no cmake")
@pytest.mark.skipif(importlib.util.find_spec("nanobind") is None, reason="nanobind is not installed")
@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_nvcc_costs_that_engine_alone(tmp_path, kind):
    import nanobind

    toolkit = tmp_path / "toolkit"
    nvcc = tmp_path / "bin" / "nvcc"
    for path in (toolkit / "include/cuda_runtime.h", toolkit / "lib64/libcudart_static.a", nvcc):
        path.parent.mkdir(parents=True)
        path.write_text("")
    nvcc.write_text(f"#!/bin/sh\n{BROKEN[kind]}\n")
    nvcc.chmod(nvcc.stat().st_mode | stat.S_IXUSR)
    settings = [f"-Dnanobind_DIR={nanobind.cmake_dir()}", f"-DPython_EXECUTABLE={sys.executable}"]
    settings += [f"-DWAVEGEN_NVCC={nvcc}"]
    run = subprocess.run(
        ["cmake", "-S", str(ROOT / "csrc"), "-B", str(tmp_path / "build"), *settings],
        env={**os.environ, "TOOLKIT": str(toolkit)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert " ".join(run.stderr.split()).count("wavegen is built without its CUDA engine: ") == 1
    targets = subprocess.run(
        ["cmake", "--build", str(tmp_path / "build"), "--target", "help"], capture_output=True, text=True, check=True
    ).stdout
    assert "wavegen_native" in targets
    assert "wavegen_cuda" not in targets

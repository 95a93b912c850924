"""The CUDA engine's own sources, compiled for the host with a fiber for each GPU thread: see tests/native/cuda."""

import atexit
import functools
import importlib.util
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path
from types import ModuleType

from native_programs import COMPILER, ROOT

FLAGS = [
    "-std=c++17",
    "-g",
    "-fPIC",
    "-fvisibility=hidden",
    "-ffp-contract=off",
    "-DNB_DOMAIN=stand_in",
]  # types of its own
OURS = ["-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", f"-I{ROOT}/tests/native/cuda"]  # nvcc has pragmas
SOURCES = ["bind_cuda.cpp", "component.cpp", "cuda/engine.cpp", "cuda/weights.cpp", "cuda/shapes.cpp"]
SOURCES += ["cuda/device_found.cpp", "cuda/kernels.cu"]


def cannot() -> str | None:
    """Why it cannot be built here, if so."""
    if COMPILER is None:
        return "there is no C++ compiler"
    if importlib.util.find_spec("nanobind") is None:
        return "nanobind is not installed"
    if not (Path(sysconfig.get_paths()["include"]) / "Python.h").exists():
        return "there are no headers of Python (Debian: apt install python3-dev)"
    return None


@functools.cache
def stand_in() -> ModuleType:
    """The extension wavegen_cuda, compiled once for all tests, whose GPU the environment describes."""
    import nanobind

    ours = Path(nanobind.include_dir())
    include = [f"-I{ours}", f"-I{ours.parent}/ext/robin_map/include", f"-I{sysconfig.get_paths()['include']}"]
    folder = Path(tempfile.mkdtemp(prefix="wavegen-cuda-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    jobs = [([*FLAGS, *OURS, *include, "-x", "c++"], ROOT / "csrc" / source) for source in SOURCES]
    jobs.append(([*FLAGS, "-O0", "-w", *include], ours.parent / "src" / "nb_combined.cpp"))
    objects = [folder / f"{source.stem}.o" for _, source in jobs]
    for (flags, source), made in zip(jobs, objects, strict=True):
        subprocess.run([str(COMPILER), *flags, "-c", str(source), "-o", str(made)], check=True)
    library = folder / f"wavegen_cuda{sysconfig.get_config_var('EXT_SUFFIX')}"
    subprocess.run([str(COMPILER), "-shared", "-pthread", *map(str, objects), "-o", str(library)], check=True)
    spec = importlib.util.spec_from_file_location("wavegen_cuda", library)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

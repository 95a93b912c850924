"""The model and the machine of a benchmark."""

from __future__ import annotations

import platform
from pathlib import Path

from wavegen.benchmarking.results import Benched, Machine
from wavegen.engine import cuda, native
from wavegen.engine.base import cpus
from wavegen.extension import extension
from wavegen.models.audio import AudioModel


def described(what: str, model: AudioModel, rounds: int) -> Benched:
    """The model, the number of rounds and the machine."""
    return {
        "model": what,
        "macs_per_sample": model.macs_per_sample,
        "parameters": model.num_parameters,
        "sample_rate": model.sample_rate,
        "rounds": rounds,
        "machine": _machine(),
    }


def _machine() -> Machine:
    names = [line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")]
    sets = extension().instruction_sets() if native.missing() is None else []
    gpu = cuda.device() if cuda.missing() is None else None
    cpu = names[0] if names else platform.processor()
    return {"cpu": cpu, "cpus": cpus(), "isa": sets[0] if sets else None, "gpu": gpu}


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []

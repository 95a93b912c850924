"""CPUs and instructions available to this process."""

from __future__ import annotations

import os


def cpus() -> int:
    """The number of CPUs that this process may use, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def multiplies_bfloat16() -> bool:
    """Whether the CPU has instructions for products of bfloat16 matrices; without them they are slower than float32."""
    import torch

    has = torch.cpu.get_capabilities()
    return any(has.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))

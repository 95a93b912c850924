"""What the machine lends this process."""

from __future__ import annotations

import os


def cpus() -> int:
    """How many CPUs this process may use, where the system says so."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

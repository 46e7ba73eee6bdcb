"""The number of cores that this process may use, by its affinity and its container's limit (cgroup v2)."""

import math
import os
from pathlib import Path
from typing import Final

QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")
"""A container's limit: microseconds of processor time in each period, or `max`, and the period."""


def usable_cores(quota: Path = QUOTA) -> int:
    """Return the cores that this process may run on, or those that its container's limit amounts to, if fewer."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        allowed, period = quota.read_text().split()
    except (OSError, ValueError):
        return cores
    return cores if allowed == "max" else min(cores, math.ceil(int(allowed) / int(period)))

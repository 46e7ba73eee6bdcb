"""How many cores there are for us."""

import math
import os
from pathlib import Path
from typing import Final

QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")
"""A container's limit: microseconds of processor time in each period, or `max`, and the period."""


def usable_cores(quota: Path = QUOTA) -> int:
    """Return on how many cores this process may run, or how many its container's limit amounts to, if that is less."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        allowed, period = quota.read_text().split()
    except (OSError, ValueError):
        return cores
    return cores if allowed == "max" else min(cores, math.ceil(int(allowed) / int(period)))

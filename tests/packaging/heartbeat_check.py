"""Carries out what a service manager asks of a heartbeat: a command of the shell that reads the file's age."""

import os
import subprocess
import time
from pathlib import Path
from typing import Final

AGES: Final = {"none": None, "new": 0.0, "young": 55.0, "old": 65.0}
"""Seconds since the heartbeat was replaced, on both sides of the minute after which a command hangs."""


def verdicts(command: str, heartbeat: str, folder: Path) -> dict[str, bool]:
    """Return whether a command ends with 0, for each age of the file that it calls `heartbeat`."""
    file = folder / "heartbeat"
    found: dict[str, bool] = {}
    for name, age in AGES.items():
        file.unlink(missing_ok=True)
        if age is not None:
            file.write_text("{}", encoding="utf-8")
            os.utime(file, (time.time() - age,) * 2)
        done = subprocess.run(
            ["/bin/sh", "-c", command.replace(heartbeat, str(file))],
            capture_output=True,
            check=False,
            # An empty directory: a check needs nothing of the site.
            cwd=folder,
            env={"PATH": "/usr/bin:/bin"},
        )
        found[name] = done.returncode == 0
    return found


WORKS: Final = {"none": False, "new": True, "young": True, "old": False}
"""The verdicts of a health check."""
HANGS: Final = {"none": False, "new": False, "young": False, "old": True}
"""The verdicts of a condition for a restart: a command without a heartbeat has just started."""

"""The browser's processes, as the kernel lists them."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_PROCESSES: Final = Path("/proc")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


def group_members(group: int) -> list[int]:
    """Return the ids of the living processes of a process group; zombies are dead."""
    return [process for process, state, its_group in _listed() if its_group == group and state != "Z"]


def memory_bytes(process: int) -> int:
    """Return the resident memory of a process without what it shares with files and others; 0 if it has ended."""
    try:
        _, resident, shared, *_ = (_PROCESSES / str(process) / "statm").read_text().split()
    except OSError:
        return 0
    return (int(resident) - int(shared)) * _PAGE_BYTES


def is_renderer(process: int) -> bool:
    """Say whether a process is one in which Chromium draws pages."""
    try:
        return b"--type=renderer" in (_PROCESSES / str(process) / "cmdline").read_bytes()
    except OSError:
        return False


def kill_group(group: int) -> None:
    """End every process of the group at once, with no chance to object."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def with_environment(entry: str) -> list[int]:
    """Return the ids of our processes that were started with `entry` (`NAME=value`) in their environment."""
    found = []
    for process, _, _ in _listed():
        try:
            environment = (_PROCESSES / str(process) / "environ").read_bytes()
        except OSError:
            continue  # ended meanwhile, or another user's
        if entry.encode() in environment.split(b"\0"):
            found.append(process)
    return found


def _listed() -> Iterator[tuple[int, str, int]]:
    """Yield process id, state and process group of every process; nothing where the kernel has no /proc."""
    for directory in _PROCESSES.glob("[0-9]*"):
        try:
            status = (directory / "stat").read_text()
        except OSError:
            continue
        # The name, in parentheses, may hold anything; what follows the last one is fixed.
        state, _, group, *_ = status.rpartition(")")[2].split()
        yield int(directory.name), state, int(group)

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
    return [process for process in _listed() if _is_in_group(process, group) and _is_alive(process)]


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


def _listed() -> Iterator[int]:
    """Yield the id of every process; nothing where the kernel has no /proc."""
    if _PROCESSES.is_dir():
        names = os.listdir(_PROCESSES)  # noqa: PTH208 - a Path for each would take most of the time
        yield from (int(name) for name in names if name.isdecimal())


def _is_in_group(process: int, group: int) -> bool:
    try:
        return os.getpgid(process) == group
    except ProcessLookupError:
        return False


def _is_alive(process: int) -> bool:
    try:
        status = (_PROCESSES / str(process) / "stat").read_text()
    except OSError:
        return False
    # The name, in parentheses, may hold anything; what follows the last one is fixed.
    return status.rpartition(")")[2].split()[0] != "Z"

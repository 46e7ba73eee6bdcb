"""The processes of a browser: its process group, their memory, and killing them. Read from /proc."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_PROCESSES: Final = Path("/proc")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_STATM_BYTES: Final = 256


def group_members(group: int) -> list[int]:
    """Return the ids of the living processes of a process group; zombies are dead."""
    return [process for process in _listed() if _is_in_group(process, group) and _is_alive(process)]


@dataclass(frozen=True, slots=True)
class Memory:
    """The resident memory of a process: its own, and what it shares with files and other processes."""

    own_bytes: int
    shared_bytes: int


class MemoryFile:
    """The open file of a process's memory: reading it again takes a microsecond."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def open(cls, process: int) -> Self | None:
        """Return the file of a process; None if it has ended, or the kernel has no /proc."""
        try:
            return cls(os.open(_PROCESSES / str(process) / "statm", os.O_RDONLY | os.O_CLOEXEC))
        except OSError:
            return None

    def read(self) -> Memory | None:
        """Return the memory at this moment; None if the process has ended, whoever has its number now."""
        try:
            _, resident, shared, *_ = os.pread(self._descriptor, _STATM_BYTES, 0).split()
        except (OSError, ValueError):
            return None
        return Memory((int(resident) - int(shared)) * _PAGE_BYTES, int(shared) * _PAGE_BYTES)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def memory_bytes(process: int) -> int:
    """Return the resident memory of a process without what it shares with files and others; 0 if it has ended."""
    file = MemoryFile.open(process)
    if file is None:
        return 0
    try:
        memory = file.read()
    finally:
        file.close()
    return memory.own_bytes if memory else 0


def is_renderer(process: int) -> bool:
    """Return whether a process is a renderer process of Chromium, which runs pages."""
    try:
        return b"--type=renderer" in (_PROCESSES / str(process) / "cmdline").read_bytes()
    except OSError:
        return False


def parent(process: int) -> int | None:
    """Return the id of a process's parent; None where the kernel has no /proc, or the process has ended."""
    status = _status(process)
    return int(status[1]) if status else None


def children(process: int) -> set[int]:
    """Return the ids of the processes that a process has started; none where the kernel has no /proc."""
    return {each for each in _listed() if parent(each) == process}


def kill_group(group: int) -> None:
    """Kill every process of the group with SIGKILL."""
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
    status = _status(process)
    return bool(status) and status[0] != "Z"


def _status(process: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on; none if the process has ended."""
    try:
        line = (_PROCESSES / str(process) / "stat").read_text()
    except OSError:
        return []
    # The name, in parentheses, may hold anything; what follows the last one is fixed.
    return line.rpartition(")")[2].split()

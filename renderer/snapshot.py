"""The state of an engine at one moment, for health checks, diagnostics and tests."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserSnapshot:
    """A running browser: its processes, its scratch directory, and the documents it has drawn."""

    process_group: int
    driver_process: int | None
    """The process of the driver between this one and the browser; None where there is none."""
    scratch: Path
    on_demand: bool
    """It draws a frame only when asked for one."""
    drawn: int
    page_ready: bool
    """A clean page waits for the next document."""
    page_crashed: bool
    """That page's process has ended; it will be replaced before the next document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSnapshot:
    """A worker. `browser` is None before its first one is up, and while the next one starts after a crash."""

    free: bool
    browser: BrowserSnapshot | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSnapshot:
    """Every worker, the free ones first in the order in which documents get them.

    `waiting` counts documents that wait for a worker; `memory_bytes` is the private memory of all browsers.
    """

    workers: tuple[WorkerSnapshot, ...]
    waiting: int
    memory_bytes: int

    @property
    def free(self) -> int:
        """How many workers wait for a document."""
        return sum(worker.free for worker in self.workers)

    @property
    def browsers(self) -> tuple[BrowserSnapshot, ...]:
        """The browsers that run, in the order of their workers."""
        return tuple(worker.browser for worker in self.workers if worker.browser is not None)

"""Memory guard: measures all processes of a browser while it draws a document, and ends what is above a limit.

Polled often, because a document can take a gigabyte in a second: so it reads what it has opened before, a microsecond a
process. It looks for new processes, which takes milliseconds, only where there can be some: with a page that was
opened, after a process has ended, and again and again while a document takes long.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final, Literal

from renderer.browser import processes

PAGE_MAX_BYTES: Final = 1024**3
"""Of the process of a page."""
BROWSER_MAX_BYTES: Final = 3 * 1024**3
"""Of all processes of a browser; the largest allowed posters need two thirds of it."""
CHECK_SECONDS: Final = 0.05
SEARCH_SECONDS: Final = 0.4
"""Between two searches for new processes while one document is drawn; most are done before the first."""

Oversized = Literal["page", "browser"]


class MemoryWatch:
    """Watches the process group of one browser. Does nothing where the kernel has no /proc.

    `oversized` is called with "page" for each process of a page above 1 GiB, and with "browser" when all processes
    together have more than 3 GiB: those that the graphics process holds for a page, or the browser process for its
    Blobs.
    """

    def __init__(self, group: int, oversized: Callable[[Oversized, int], None]) -> None:
        self._group = group
        self._oversized = oversized
        self._open: dict[int, processes.MemoryFile] = {}
        self._searched_at = 0.0
        self._incomplete = True
        """There may be a process that is not open."""
        self._timer: asyncio.TimerHandle | None = None
        self.highest_bytes = 0
        """The most that was seen since `start`; 0 for a document that was done before the first check."""

    def start(self, *, new_processes: bool) -> None:
        """Check every 50 ms from now on; the first time with a search where a page was opened."""
        self.stop()
        self.highest_bytes = 0
        self._searched_at = time.monotonic()
        self._incomplete = self._incomplete or new_processes
        self._timer = asyncio.get_running_loop().call_later(CHECK_SECONDS, self._check_again)

    def stop(self) -> None:
        """Check no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def close(self) -> None:
        """Stop, and close all files."""
        self.stop()
        while self._open:
            self._open.popitem()[1].close()

    def _check_again(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(CHECK_SECONDS, self._check_again)
        self.check()

    def check(self) -> None:
        """Measure once. What several processes share is counted once, as that of the one that has most of it."""
        self._search()
        total, most_shared = 0, 0
        for process, file in list(self._open.items()):
            memory = file.read()
            if memory is None:
                self._open.pop(process).close()
                self._incomplete = True  # the browser starts another one in its place
                continue
            total += memory.own_bytes
            most_shared = max(most_shared, memory.shared_bytes)
            if memory.own_bytes > PAGE_MAX_BYTES and processes.is_renderer(process):
                self._open.pop(process).close()
                self._oversized("page", process)
        self.highest_bytes = max(self.highest_bytes, total)
        if total + most_shared > BROWSER_MAX_BYTES:
            self._oversized("browser", self._group)

    def _search(self) -> None:
        now = time.monotonic()
        if not self._incomplete and now - self._searched_at < SEARCH_SECONDS:
            return
        self._searched_at, self._incomplete = now, False
        for process in processes.group_members(self._group):
            if process not in self._open and (file := processes.MemoryFile.open(process)) is not None:
                self._open[process] = file

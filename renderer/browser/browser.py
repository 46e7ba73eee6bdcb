"""One Chromium: launched through a driver, watched, and ended with all its processes and files."""

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from renderer.browser import chromium, processes
from renderer.browser.devtools import DevToolsError
from renderer.browser.driver import DEFAULT_DRIVER, BrowserCommand, BrowserProcess, DriverName, Launch, LaunchError
from renderer.browser.memory_watch import BROWSER_MAX_BYTES, MemoryWatch, Oversized
from renderer.browser.scratch import Scratch
from renderer.errors import RenderError

logger = logging.getLogger(__name__)

LAUNCH_SECONDS: Final = 20.0
CLOSE_SECONDS: Final = 3.0


class Browser:
    """A Chromium in a process group and a scratch directory of its own."""

    def __init__(self, scratch: Scratch, process: BrowserProcess, *, on_demand: bool) -> None:
        self.devtools = process.connection
        """The DevTools connection."""
        self.version = ""
        self.frame_lock = asyncio.Lock() if on_demand else None
        """Held while a frame is drawn; None where the browser draws frames of its own accord."""
        self.gone = asyncio.Event()
        """Set once Chromium has ended, whoever ended it."""
        self._scratch = scratch
        self._process = process
        self._group = process.group
        self._closing: asyncio.Task[None] | None = None
        self.memory = MemoryWatch(process.group, self._kill_oversized)
        """Measures all its processes while a document is drawn."""
        self.oversized = False
        """It was ended because all its processes together had too much memory."""
        self._unclaimed_kills = 0
        self._stop_watching = _watch_process(process.group, self._ended)
        self.devtools.on_end(self._ended)

    @classmethod
    async def launch(cls, binary: Path, *, on_demand: bool, driver: DriverName | None = None) -> Self:
        """Start a browser, within 20 seconds.

        With `on_demand` it draws a frame only when asked for one. Raises RenderError `renderer_crashed` when it does
        not come up.
        """
        scratch = Scratch()
        command = BrowserCommand(
            binary=binary,
            arguments=_arguments(scratch.path, on_demand),
            environment=chromium.environment(scratch.path),
            scratch=scratch.path,
        )
        limit = asyncio.get_running_loop().time() + LAUNCH_SECONDS
        try:
            async with asyncio.timeout_at(limit):
                process = await _launch_function(driver or DEFAULT_DRIVER)(command)
        except BaseException as error:
            scratch.remove()
            if isinstance(error, LaunchError | TimeoutError):
                raise _not_started(binary, str(error)) from error
            raise
        browser = cls(scratch, process, on_demand=on_demand)
        try:
            async with asyncio.timeout_at(limit):
                await browser._read_version()
        except BaseException as error:
            errors = process.last_errors()
            await browser.close()
            if isinstance(error, DevToolsError | TimeoutError):
                raise _not_started(binary, str(error), errors) from error
            raise
        return browser

    async def _read_version(self) -> None:
        answer = await self.devtools.browser.send("Browser.getVersion")
        self.version = answer["product"].rpartition("/")[2]

    @property
    def process_group(self) -> int:
        """The process group that Chromium and all of its processes belong to."""
        return self._group

    @property
    def driver_process(self) -> int | None:
        """The process of the driver between this one and Chromium; None where there is none."""
        return self._process.driver_process

    @property
    def scratch(self) -> Path:
        """The directory for everything that Chromium writes."""
        return self._scratch.path

    def memory_bytes(self) -> int:
        """Return the memory of all its processes; 0 where the kernel has no /proc."""
        return sum(map(processes.memory_bytes, processes.group_members(self._group)))

    def _kill_oversized(self, what: Oversized, process: int) -> None:
        """Kill what uses more memory than a document may; `claim_kill` reports a page's process to its page."""
        if what == "browser":
            logger.warning("a browser used more than %d MiB of memory, and is ended", BROWSER_MAX_BYTES // 1024**2)
            self.oversized = True
            self.kill()
            return
        self._unclaimed_kills += 1
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)

    def claim_kill(self) -> bool:
        """Return whether a page whose process has ended was killed for its memory. Each kill is reported once."""
        if self._unclaimed_kills == 0:
            return False
        self._unclaimed_kills -= 1
        return True

    def kill(self) -> None:
        """Kill Chromium at once."""
        self._ended()

    async def close(self) -> None:
        """Kill Chromium and remove all its processes and files. Never raises."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        # An orderly shutdown would only write files that are deleted with the scratch directory.
        self._ended()
        self.devtools.close()
        await asyncio.to_thread(_wait_until_over, self._group)
        await self._process.release()
        await asyncio.to_thread(self._scratch.remove)

    def _ended(self) -> None:
        """Mark Chromium as gone, and kill what is left of its process group.

        The kernel keeps the group's number from other processes only until the first process is reaped, so this is
        done once.
        """
        if not self.gone.is_set():
            self.gone.set()
            self._stop_watching()
            self.memory.close()
            processes.kill_group(self._group)


def _launch_function(name: DriverName) -> Launch:
    """Return the launch function of a driver. Playwright, which takes memory and time, is imported only when used."""
    if name == "pipe":
        from renderer.browser import pipe_driver  # noqa: PLC0415

        return pipe_driver.launch
    from renderer.browser import playwright_driver  # noqa: PLC0415

    return playwright_driver.launch


def _not_started(binary: Path, *reasons: str) -> RenderError:
    words = ". ".join(reason for reason in reasons if reason) or f"no answer in {LAUNCH_SECONDS:.0f} s"
    return RenderError("renderer_crashed", f"Chromium ({binary}) did not start: {words}")


def _wait_until_over(group: int) -> None:
    """Return once no process of a killed group is left, or after 3 seconds."""
    limit = time.monotonic() + CLOSE_SECONDS
    while not _is_over(group) and time.monotonic() < limit:
        time.sleep(0.005)


def _is_over(group: int) -> bool:
    with contextlib.suppress(ChildProcessError):  # reaped before, or not our child but the driver's
        if os.waitpid(group, os.WNOHANG) == (0, 0):
            return False
    return not processes.group_members(group)


def _arguments(scratch: Path, on_demand: bool) -> list[str]:
    sandbox = chromium.may_sandbox()
    if not sandbox:
        logger.warning("Chromium runs as root, which turns its sandbox off; run the worker as another user")
    return [
        *chromium.FLAGS,
        *(chromium.ON_DEMAND if on_demand else ()),
        *(() if sandbox else ("--no-sandbox",)),
        f"--user-data-dir={scratch / 'profile'}",
        "--remote-debugging-pipe",
    ]


def _watch_process(process: int, ended: Callable[[], None]) -> Callable[[], None]:
    """Call `ended` as soon as a process ends, which is sooner than its connection does; return what stops the watch.

    Where the kernel has no pidfd (only Linux has), the end of the connection has to do.
    """
    if not hasattr(os, "pidfd_open"):
        return lambda: None
    loop = asyncio.get_running_loop()
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:  # it has ended, and a driver's own process has reaped it
        loop.call_soon(ended)
        return lambda: None
    loop.add_reader(handle, ended)

    def stop() -> None:
        loop.remove_reader(handle)
        os.close(handle)

    return stop

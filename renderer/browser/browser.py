"""One Chromium: started, watched, and ended with everything that belongs to it."""

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
from renderer.browser.devtools import DevTools, DevToolsError
from renderer.browser.scratch import Scratch
from renderer.browser.spawn import last_words, spawn
from renderer.errors import RenderError

logger = logging.getLogger(__name__)

LAUNCH_SECONDS: Final = 20.0
CLOSE_SECONDS: Final = 3.0
LOOK_SECONDS: Final = 0.4


class Browser:
    """A Chromium in a process group and a scratch directory of its own."""

    def __init__(self, scratch: Scratch, process: int, devtools: DevTools, *, on_demand: bool) -> None:
        self.devtools = devtools
        """Through which it is spoken to."""
        self.version = ""
        self.turn = asyncio.Lock() if on_demand else None
        """Whose turn it is to have a frame drawn; None where the browser draws of its own accord."""
        self.gone = asyncio.Event()
        """Set once Chromium has ended, whoever ended it."""
        self._scratch = scratch
        self._group = process
        self._closing: asyncio.Task[None] | None = None
        self._oversized: set[int] = set()
        self._blames = 0
        self._looked_at = 0.0
        self._end_watch = _watch_process(process, self._ended)
        devtools.on_end(self._ended)

    @classmethod
    async def launch(cls, binary: Path, *, on_demand: bool) -> Self:
        """Start a browser, at most 20 seconds.

        With `on_demand` it draws the frames that it is asked for and no others. Raises RenderError `renderer_crashed`
        when it does not come up.
        """
        scratch = Scratch()
        errors = scratch.path / "errors.log"
        try:
            spawned = spawn(binary, _arguments(scratch.path, on_demand), chromium.environment(scratch.path), errors)
        except OSError as error:
            scratch.remove()
            raise RenderError("renderer_crashed", f"Chromium ({binary}) did not start: {error}") from error
        try:
            devtools = await DevTools.connect(spawned.reading, spawned.writing)
            browser = cls(scratch, spawned.process, devtools, on_demand=on_demand)
        except BaseException:
            processes.kill_group(spawned.process)
            _remove(scratch, spawned.process)
            raise
        try:
            async with asyncio.timeout(LAUNCH_SECONDS):
                await browser._meet()
        except BaseException as error:
            words = last_words(errors)
            await browser.close()
            if isinstance(error, DevToolsError | TimeoutError):
                message = f"Chromium ({binary}) did not start: {error or 'no answer in 20 s'}. {words}"
                raise RenderError("renderer_crashed", message) from error
            raise
        return browser

    async def _meet(self) -> None:
        answer = await self.devtools.browser.send("Browser.getVersion")
        self.version = answer["product"].rpartition("/")[2]

    @property
    def process_group(self) -> int:
        """The process group that Chromium and all of its processes belong to."""
        return self._group

    @property
    def scratch(self) -> Path:
        """The directory for everything that Chromium writes."""
        return self._scratch.path

    def memory_bytes(self) -> int:
        """Return the memory of all its processes."""
        return sum(map(processes.memory_bytes, processes.group_members(self._group)))

    def kill_oversized(self, above_bytes: int) -> None:
        """End the page processes that use more memory than a poster may; `take_blame` tells who it was.

        A look at all processes costs milliseconds, so that one soon after another is left out.
        """
        now = time.monotonic()
        if now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        for process in processes.group_members(self._group):
            oversized = processes.memory_bytes(process) > above_bytes and processes.is_renderer(process)
            if oversized and process not in self._oversized:
                self._oversized.add(process)
                self._blames += 1
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)

    def take_blame(self) -> bool:
        """Say, to a page whose process has ended, whether that was for its memory. Each kill is told once."""
        if self._blames == 0:
            return False
        self._blames -= 1
        return True

    def kill(self) -> None:
        """End Chromium at once."""
        self._ended()

    async def close(self) -> None:
        """End Chromium, with nothing of it left. Never raises."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        # Whatever it would write on an orderly way out goes with its directory.
        self._ended()
        self.devtools.close()
        await asyncio.to_thread(_remove, self._scratch, self._group)

    def _ended(self) -> None:
        """Note that Chromium is no more, or shall be no more, and see that no part of it outlives the first process.

        Its process group keeps the number from being given to others only until then, so this is done once.
        """
        if not self.gone.is_set():
            self.gone.set()
            self._end_watch()
            processes.kill_group(self._group)


def _remove(scratch: Scratch, group: int) -> None:
    """Return once none of a killed group is left, or after 3 seconds, with its directory gone."""
    limit = time.monotonic() + CLOSE_SECONDS
    while not _is_over(group) and time.monotonic() < limit:
        time.sleep(0.005)
    scratch.remove()


def _is_over(group: int) -> bool:
    with contextlib.suppress(ChildProcessError):  # it was seen to have ended before
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
    """Call `ended` as soon as a process ends, which is sooner than its pipes close; return what stops the watch.

    Where the kernel cannot do that (it takes Linux), the end of its pipe has to do.
    """
    if not hasattr(os, "pidfd_open"):
        return lambda: None
    handle = os.pidfd_open(process)
    loop = asyncio.get_running_loop()
    loop.add_reader(handle, ended)

    def stop() -> None:
        loop.remove_reader(handle)
        os.close(handle)

    return stop

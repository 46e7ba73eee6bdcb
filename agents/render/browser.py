"""One Chromium: started, watched, and ended with everything that belongs to it."""

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final, Self

from playwright.async_api import Browser as PlaywrightBrowser
from playwright.async_api import BrowserContext, Playwright, async_playwright
from playwright.async_api import Error as PlaywrightError

from agents.render import chromium, processes
from agents.render.errors import RenderError
from agents.render.scratch import Scratch

log = logging.getLogger(__name__)

LAUNCH_SECONDS: Final = 20.0
CLOSE_SECONDS: Final = 3.0
LOOK_SECONDS: Final = 0.4


class Browser:
    """A Chromium with the Playwright driver that speaks to it, in a process group and a scratch directory of its own.

    The driver goes with the browser, because it grows with use as well.
    """

    def __init__(
        self, scratch: Scratch, driver: Playwright, browser: PlaywrightBrowser, group: int, *, on_demand: bool
    ) -> None:
        self._scratch = scratch
        self._driver = driver
        self._browser = browser
        self._group = group
        self._closing: asyncio.Task[None] | None = None
        self._oversized: set[int] = set()
        self._blames = 0
        self._looked_at = 0.0
        self.gone = asyncio.Event()
        """Set once Chromium has ended, whoever ended it."""
        self.version = browser.version
        self.turn = asyncio.Lock() if on_demand else None
        """Whose turn it is to have a frame drawn; None where the browser draws of its own accord."""
        self._end_watch = _watch_process(group, self._ended)
        browser.on("disconnected", lambda _: self._ended())

    @classmethod
    async def launch(cls, binary: Path | None, *, on_demand: bool) -> Self:
        """Start a browser, at most 20 seconds. `binary` None means the one Playwright installed.

        With `on_demand` it draws the frames that it is asked for and no others. Raises RenderError `renderer_crashed`
        when it does not come up.
        """
        scratch = Scratch()
        driver: Playwright | None = None
        try:
            async with asyncio.timeout(LAUNCH_SECONDS):
                with _temporary_directory(scratch.path):
                    driver = await async_playwright().start()
                browser = await _launch(driver, binary, scratch.path, on_demand)
                group = await _process_id(browser)
                return cls(scratch, driver, browser, group, on_demand=on_demand)
        except (PlaywrightError, TimeoutError, OSError) as error:
            await _end(scratch, driver, by_force=True)
            raise RenderError(
                "renderer_crashed", f"Chromium ({binary or 'Playwright’s'}) did not start: {error}"
            ) from error

    async def new_context(self, *, javascript: bool, locale: str | None, timezone: str | None) -> BrowserContext:
        """Return a context that shares nothing with any other. Raises PlaywrightError."""
        return await self._browser.new_context(
            java_script_enabled=javascript,
            no_viewport=True,
            bypass_csp=True,
            service_workers="block",
            accept_downloads=False,
            locale=locale,
            timezone_id=timezone,
        )

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
        """End browser and driver, by force after 3 seconds each, and remove the scratch directory. Never raises."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        orderly = await _within_limit(self._browser.close())
        self._ended()
        await _end(self._scratch, self._driver, by_force=not orderly)

    def _ended(self) -> None:
        """Note that Chromium is no more, or shall be no more, and see that no part of it outlives the first process.

        Its process group keeps the number from being given to others only until then, so this is done once.
        """
        if not self.gone.is_set():
            self.gone.set()
            self._end_watch()
            processes.kill_group(self._group)


@contextlib.contextmanager
def _temporary_directory(path: Path) -> Iterator[None]:
    """Let the driver inherit TMPDIR: it makes the profile there, and takes no argument for it."""
    former = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = str(path)
    try:
        yield
    finally:
        if former is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = former


async def _launch(driver: Playwright, binary: Path | None, scratch: Path, on_demand: bool) -> PlaywrightBrowser:
    sandbox = chromium.may_sandbox()
    if not sandbox:
        log.warning("Chromium runs as root, which turns its sandbox off; run the worker as another user")
    return await driver.chromium.launch(
        executable_path=binary,
        args=[*chromium.FLAGS, *(chromium.ON_DEMAND if on_demand else ())],
        chromium_sandbox=sandbox,
        env=chromium.environment(scratch),
        # The worker drains on a signal; the browser must outlive that.
        handle_sigint=False,
        handle_sigterm=False,
        handle_sighup=False,
        timeout=LAUNCH_SECONDS * 1000,
    )


async def _process_id(browser: PlaywrightBrowser) -> int:
    """Return the id of Chromium's first process, which is that of its process group too."""
    session = await browser.new_browser_cdp_session()
    answer = await session.send("SystemInfo.getProcessInfo")
    await session.detach()
    return next(int(process["id"]) for process in answer["processInfo"] if process["type"] == "browser")


def _watch_process(process: int, ended: Callable[[], None]) -> Callable[[], None]:
    """Call `ended` as soon as a process ends, which is sooner than its pipes close; return what stops the watch.

    Where the kernel cannot do that (it takes Linux), the driver's word has to do.
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


async def _end(scratch: Scratch, driver: Playwright | None, *, by_force: bool) -> None:
    """Stop the driver and whatever else was started in the scratch directory, and remove that."""
    if by_force:
        _kill_inhabitants(scratch)
    if driver is not None:
        await _within_limit(driver.stop())
    _kill_inhabitants(scratch)
    await asyncio.to_thread(scratch.remove)


def _kill_inhabitants(scratch: Scratch) -> None:
    for process in processes.with_environment(f"TMPDIR={scratch.path}"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


async def _within_limit(work: Awaitable[None]) -> bool:
    """Say whether `work` ended well within 3 seconds."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await work
    except (PlaywrightError, TimeoutError):
        return False
    return True

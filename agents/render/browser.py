"""One Chromium: started, watched, and ended with everything that belongs to it."""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Iterator
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


class Browser:
    """A Chromium with the Playwright driver that speaks to it, in a process group and a scratch directory of its own.

    The driver goes with the browser, because it grows with use as well.
    """

    def __init__(self, scratch: Scratch, driver: Playwright, browser: PlaywrightBrowser, group: int) -> None:
        self._scratch = scratch
        self._driver = driver
        self._browser = browser
        self._group = group
        self._closing: asyncio.Task[None] | None = None
        self.gone = asyncio.Event()
        """Set once Chromium has ended, whoever ended it."""
        self.version = browser.version
        browser.on("disconnected", lambda _: self.gone.set())

    @classmethod
    async def launch(cls, binary: Path | None) -> Self:
        """Start a browser, at most 20 seconds. `binary` None means the one Playwright installed.

        Raises RenderError `renderer_crashed` when it does not come up.
        """
        scratch = Scratch()
        driver: Playwright | None = None
        try:
            async with asyncio.timeout(LAUNCH_SECONDS):
                with _temporary_directory(scratch.path):
                    driver = await async_playwright().start()
                browser = await _launch(driver, binary, scratch.path)
                group = await _process_id(browser)
                return cls(scratch, driver, browser, group)
        except (PlaywrightError, TimeoutError, OSError) as error:
            await _end(scratch, driver, group=None)
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
        return processes.group_memory_bytes(self._group)

    def kill(self) -> None:
        """End Chromium at once. `gone` follows."""
        processes.kill_group(self._group)

    async def close(self) -> None:
        """End browser and driver, by force after 3 seconds each, and remove the scratch directory. Never raises."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        with contextlib.suppress(PlaywrightError, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._browser.close()
        await _end(self._scratch, self._driver, group=self._group)
        self.gone.set()


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


async def _launch(driver: Playwright, binary: Path | None, scratch: Path) -> PlaywrightBrowser:
    sandbox = chromium.may_sandbox()
    if not sandbox:
        log.warning("Chromium runs as root, which turns its sandbox off; run the worker as another user")
    return await driver.chromium.launch(
        executable_path=binary,
        args=list(chromium.FLAGS),
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


async def _end(scratch: Scratch, driver: Playwright | None, *, group: int | None) -> None:
    if group is not None:
        processes.kill_group(group)
    if driver is not None:
        with contextlib.suppress(PlaywrightError, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await driver.stop()
    for process in processes.with_environment(f"TMPDIR={scratch.path}"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    await asyncio.to_thread(scratch.remove)

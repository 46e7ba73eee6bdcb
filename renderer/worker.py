"""A worker: draws one document at a time, in a browser that it replaces when that has ended or is worn."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Literal

from renderer.background_tasks import BackgroundTasks
from renderer.page.document_assets import DocumentAssets
from renderer.page.page import Page
from renderer.page.page_result import PageResult
from renderer.rendering import RenderRequest
from renderer.snapshot import WorkerSnapshot
from renderer.warm_browser import Launcher, WarmBrowser

logger = logging.getLogger(__name__)

OnRestart = Callable[[Literal["ended", "worn"]], object]
"""Called with the reason whenever a browser is replaced."""

RECYCLE_AFTER: Final = 3_000
RECYCLE_ABOVE_BYTES: Final = 800_000_000


class Worker:
    """Draws in one browser at a time.

    A browser that ends is replaced at once. One that is worn, after `recycle_after` documents or above
    `recycle_above_bytes` of memory, draws on until the next one is warm.
    """

    def __init__(
        self, launcher: Launcher, *, recycle_after: int, recycle_above_bytes: int, on_restart: OnRestart
    ) -> None:
        self._launcher = launcher
        self._recycle_after = recycle_after
        self._recycle_above_bytes = recycle_above_bytes
        self._on_restart = on_restart
        self._browser: WarmBrowser | None = None
        self._in_use: tuple[WarmBrowser, Page, bool] | None = None
        self._opening: asyncio.Task[WarmBrowser] | None = None
        self._background = BackgroundTasks()
        self._closed = False

    @property
    def browser(self) -> WarmBrowser | None:
        """The browser it draws in, if one is alive."""
        return self._browser if self._browser is not None and not self._browser.gone.is_set() else None

    async def open(self) -> WarmBrowser:
        """Return the browser to draw in, starting one if there is none. Raises RenderError."""
        browser = self.browser
        return await asyncio.shield(self._replacement()) if browser is None else browser

    async def draw(self, request: RenderRequest, assets: DocumentAssets | None) -> PageResult:
        """Draw one document. Call `clear` afterwards, also when this raises. Raises what `Page.draw` raises."""
        browser = await self.open()
        page = await browser.acquire(request)
        self._in_use = browser, page, False
        result = await page.draw(request, assets)
        self._in_use = browser, page, True
        return result

    async def clear(self) -> None:
        """Make the worker ready for the next document. Never raises."""
        if self._in_use is None:
            return
        browser, page, usable = self._in_use
        self._in_use = None
        await browser.release(page, usable=usable)
        if self._closed or browser is not self._browser:
            return
        if not browser.gone.is_set() and browser.is_worn(self._recycle_after, self._recycle_above_bytes):
            logger.info("a browser is worn after %d documents; starting its replacement", browser.drawn)
            self._replacement()

    async def close(self) -> None:
        """Wait for the document that is being drawn, then end the browser and remove everything it wrote."""
        self._closed = True
        if self._opening is not None:
            await asyncio.gather(self._opening, return_exceptions=True)
        if self._browser is not None:
            await self._browser.close()
        await self._background.finish()

    def snapshot(self, *, free: bool) -> WorkerSnapshot:
        """Return its state at this moment; its pool knows whether it is free."""
        return WorkerSnapshot(free=free, browser=self.browser.snapshot() if self.browser else None)

    def _replacement(self) -> asyncio.Task[WarmBrowser]:
        """Begin to open the next browser, or join whoever waits for it already."""
        if self._opening is None or self._opening.done():
            self._opening = asyncio.create_task(self._replace())
            self._opening.add_done_callback(lambda done: done.cancelled() or done.exception())
        return self._opening

    async def _replace(self) -> WarmBrowser:
        """Open a browser, and only then close the former one."""
        former = self._browser
        browser = await self._launcher.open()
        self._browser = browser
        if former is not None:
            self._on_restart("ended" if former.gone.is_set() else "worn")
            self._background.start(former.close())
        self._background.start(self._watch(browser))
        return browser

    async def _watch(self, browser: WarmBrowser) -> None:
        """Replace a browser that ends while it is in use."""
        await browser.gone.wait()
        if browser is self._browser and not self._closed:
            logger.warning("a browser ended; starting another")
            self._replacement()

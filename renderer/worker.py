"""A place to draw: one document at a time, in a browser of its own."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Literal

from renderer.background_tasks import BackgroundTasks
from renderer.browser.browser import Browser
from renderer.page.document_assets import DocumentAssets
from renderer.page.page import Page, PageResult
from renderer.pages import Launcher, Pages
from renderer.rendering import RenderRequest

logger = logging.getLogger(__name__)

OnRestart = Callable[[Literal["ended", "worn"]], object]
"""Called with the reason whenever a browser is replaced."""

RECYCLE_AFTER: Final = 3_000
RECYCLE_ABOVE_BYTES: Final = 800_000_000


class Worker:
    """Draws in a browser that it replaces when that has ended, hangs or is worn.

    That is after `recycle_after` documents, or above `recycle_above_bytes` of memory; the next browser is warm before
    the last one ends.
    """

    def __init__(
        self, launcher: Launcher, *, recycle_after: int, recycle_above_bytes: int, on_restart: OnRestart
    ) -> None:
        self._launcher = launcher
        self._recycle_after = recycle_after
        self._recycle_above_bytes = recycle_above_bytes
        self._on_restart = on_restart
        self._pages: Pages | None = None
        self._used: tuple[Pages, Page, bool] | None = None
        self._opening: asyncio.Task[Pages] | None = None
        self._background = BackgroundTasks()
        self._closed = False

    @property
    def browser(self) -> Browser | None:
        """The browser it draws in, if one is there."""
        return self._pages.browser if self._pages is not None and not self._pages.browser.gone.is_set() else None

    async def open(self) -> Pages:
        """Return the pages to draw on, starting a browser if there is none. Raises RenderError."""
        if self._pages is not None and self.browser is not None:
            return self._pages
        return await asyncio.shield(self._open())

    async def draw(self, request: RenderRequest, supply: DocumentAssets | None) -> PageResult:
        """Draw one document; `clear` has to follow, whatever comes of it. Raises what `Page.draw` raises."""
        pages = await self.open()
        page = await pages.take(request)
        self._used = pages, page, False
        drawn = await page.draw(request, supply)
        self._used = pages, page, True
        return drawn

    async def clear(self) -> None:
        """Make the slot ready for the next document. Never raises."""
        if self._used is None:
            return
        pages, page, usable = self._used
        self._used = None
        await pages.give_back(page, usable=usable)
        if self._closed or pages is not self._pages:
            return
        if not pages.browser.gone.is_set() and pages.is_worn(self._recycle_after, self._recycle_above_bytes):
            logger.info("a browser has drawn %d documents; another takes over", pages.drawn)
            self._open()

    async def close(self) -> None:
        """Wait for what is being drawn, then end the browser and remove everything it wrote."""
        self._closed = True
        if self._opening is not None:
            await asyncio.gather(self._opening, return_exceptions=True)
        if self._pages is not None:
            await self._pages.close()
        await self._background.finish()

    def _open(self) -> asyncio.Task[Pages]:
        """Begin to open the next browser, or join in waiting for it."""
        if self._opening is None or self._opening.done():
            self._opening = asyncio.create_task(self._replace())
            self._opening.add_done_callback(lambda done: done.cancelled() or done.exception())
        return self._opening

    async def _replace(self) -> Pages:
        """Open a browser and only then send the former one home."""
        former = self._pages
        pages = await self._launcher.open()
        self._pages = pages
        if former is not None:
            self._on_restart("ended" if former.browser.gone.is_set() else "worn")
            self._background.start(former.close())
        self._background.start(self._watch(pages))
        return pages

    async def _watch(self, pages: Pages) -> None:
        """Replace a browser that ends while it is in use."""
        await pages.browser.gone.wait()
        if pages is self._pages and not self._closed:
            logger.warning("a browser ended; starting another")
            self._open()

"""A browser that is warm: started, its first page drawn once, and that page handed from document to document."""

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import Final, Self

from renderer.browser.browser import Browser
from renderer.browser.driver import DriverName
from renderer.errors import RenderError
from renderer.page.browser_context import ContextOptions
from renderer.page.frames import BeginFrameUnsupportedError
from renderer.page.page import Page
from renderer.rendering import RenderRequest
from renderer.snapshot import BrowserSnapshot
from schemas.output import DEFAULTS, named_outputs

logger = logging.getLogger(__name__)

WARM_UP: Final = Path(__file__).with_name("warm_up.html")
WARM_UP_SECONDS: Final = 20.0
MEMORY_CHECK_EVERY: Final = 50
"""Documents between two measurements of the browser's memory, each of which costs milliseconds."""
LAUNCHES: Final = 3
UNSCALED: Final = 1.0


class Launcher:
    """Starts browsers, one at a time: two at once would each be as late as both."""

    def __init__(self, binary: Path, driver: DriverName | None = None) -> None:
        self._binary = binary
        self._driver = driver
        self._on_demand = True
        self._lock = asyncio.Lock()
        self.came_up = asyncio.Event()
        """Set once a browser has come up, whether or not it could be warmed then."""
        self.version = ""
        """Of that browser."""

    async def open(self) -> "WarmBrowser":
        """Start a browser and warm its page. Raises RenderError when that fails three times in a row."""
        async with self._lock:
            for _ in range(LAUNCHES - 1):
                try:
                    return await self._open()
                except RenderError as error:
                    logger.warning("%s; starting another browser", error)
            return await self._open()

    async def _open(self) -> "WarmBrowser":
        try:
            return await WarmBrowser.open(await self._launch())
        except BeginFrameUnsupportedError as error:
            logger.info("%s; falling back to frames on its own schedule, which takes longer", error)
            self._on_demand = False
            return await WarmBrowser.open(await self._launch())

    async def _launch(self) -> Browser:
        browser = await Browser.launch(self._binary, on_demand=self._on_demand, driver=self._driver)
        self.version = browser.version
        self.came_up.set()
        return browser


class WarmBrowser:
    """A browser and its pages, for one document at a time.

    Most documents share a page, one after the other: one page for those of scale 1, and one for the last other scale,
    because a page's process remembers how a font is drawn by its size in device pixels, with what depends on the scale.
    Scripts, a locale or a time zone need a page that nobody had before and nobody gets after.
    """

    def __init__(self, browser: Browser, page: Page) -> None:
        self._browser = browser
        self.drawn = 0
        """Documents drawn so far."""
        self.gone = browser.gone
        """Set once the browser has ended."""
        self._shared: dict[float, Page] = {UNSCALED: page}
        """By scale: that of scale 1, and at most one other."""
        self._idle = asyncio.Event()
        self._idle.set()

    @classmethod
    async def open(cls, browser: Browser) -> Self:
        """Draw a text in every script on a page of the browser, which is ended if that fails.

        Raises RenderError, and BeginFrameUnsupportedError where it should draw on demand and cannot.
        """
        try:
            return cls(browser, await _warm_page(browser))
        except BaseException:
            await browser.close()
            raise

    async def acquire(self, request: RenderRequest) -> Page:
        """Return a page to draw `request` on, until `release`. Raises RenderError `renderer_crashed`."""
        self._idle.clear()
        pages = set(self._shared.values())
        try:
            page = await self._page_for(request)
        except BaseException:
            self._idle.set()
            raise
        self._browser.memory.start(new_processes=page not in pages)
        return page

    async def _page_for(self, request: RenderRequest) -> Page:
        if needs_fresh_page(request):
            return await self._fresh_page(request)
        return await self._shared_page(_scale(request))

    async def _fresh_page(self, request: RenderRequest) -> Page:
        options = ContextOptions(
            javascript=request.javascript,
            locale=request.output.locale,
            timezone=request.output.timezone,
            whole_page=any(output.full_page or output.selector for _, output in named_outputs(request.output)),
        )
        return await Page.open(self._browser, options)

    async def _shared_page(self, scale: float) -> Page:
        for other, page in list(self._shared.items()):
            if page.crashed or (other != scale and UNSCALED not in {other, scale}):
                del self._shared[other]
                await page.close()
        if scale not in self._shared:
            self._shared[scale] = await Page.open(self._browser)
        return self._shared[scale]

    async def release(self, page: Page, *, usable: bool) -> None:
        """Take a page back and clean it; else close it and, if it was shared, open another. Never raises."""
        try:
            self.drawn += 1
            scale = next((scale for scale, shared in self._shared.items() if shared is page), None)
            if usable and scale is not None and await page.clean():
                return
            if scale is not None:
                del self._shared[scale]
            await page.close()
            if scale is not None and not self.gone.is_set():
                with contextlib.suppress(RenderError):  # the next document tries again, and has the error
                    self._shared[scale] = await Page.open(self._browser)
        finally:
            self._browser.memory.stop()
            self._idle.set()

    def is_worn(self, after: int, above_bytes: int) -> bool:
        """Say whether the browser has drawn its share, or uses too much memory."""
        if self.drawn >= after:
            return True
        measured = self.drawn % MEMORY_CHECK_EVERY == 0 or self._browser.memory.highest_bytes > above_bytes
        return measured and self.memory_bytes() > above_bytes

    def memory_bytes(self) -> int:
        """Return the private memory of all its processes."""
        return self._browser.memory_bytes()

    def snapshot(self) -> BrowserSnapshot:
        """Return its state at this moment."""
        page = self._shared.get(UNSCALED)
        return BrowserSnapshot(
            process_group=self._browser.process_group,
            driver_process=self._browser.driver_process,
            scratch=self._browser.scratch,
            on_demand=self._browser.frame_lock is not None,
            drawn=self.drawn,
            page_ready=self._idle.is_set() and page is not None and not page.crashed,
            page_crashed=page is not None and page.crashed,
        )

    async def close(self) -> None:
        """Wait until the page is back, then end the browser."""
        await self._idle.wait()
        await self._browser.close()


def needs_fresh_page(request: RenderRequest) -> bool:
    """Say whether a request may not share a page with others."""
    output = request.output
    is_foreign = output.locale != DEFAULTS.locale or output.timezone != DEFAULTS.timezone
    return request.javascript or is_foreign


def _scale(request: RenderRequest) -> float:
    """Return the scale of a visit, which all its images share."""
    _, output = named_outputs(request.output)[0]
    return output.scale or UNSCALED


async def _warm_page(browser: Browser) -> Page:
    page = await Page.open(browser)
    request = RenderRequest(html=WARM_UP.read_text(), output=DEFAULTS, deadline_seconds=WARM_UP_SECONDS)
    await page.draw(request, None)
    if not await page.clean():
        raise RenderError("renderer_crashed", "the browser did not clean its first page")
    return page

"""The pages of one browser: one that documents use in turn, and those that a document has for itself."""

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import Final, Self

from renderer.browser.browser import Browser
from renderer.browser.driver import DriverName
from renderer.errors import RenderError
from renderer.page.frames import BeginFrameUnsupportedError
from renderer.page.page import Page
from renderer.page.page_target import PageSetup
from renderer.rendering import RenderRequest
from schemas.output import DEFAULTS, named_outputs

logger = logging.getLogger(__name__)

WARM_UP: Final = Path(__file__).with_name("warm_up.html")
WARM_UP_SECONDS: Final = 20.0
MEMORY_CHECK_EVERY: Final = 50
"""Posters between two looks at the browser's memory: a look costs milliseconds."""
LAUNCHES: Final = 3


class Launcher:
    """Starts browsers, one at a time: two at once would each be as late as both."""

    def __init__(self, binary: Path, driver: DriverName | None = None) -> None:
        self._binary = binary
        self._driver = driver
        self._on_demand = True
        self._turn = asyncio.Lock()
        self.came_up = asyncio.Event()
        """Set once a browser has come up, whatever became of it then."""
        self.version = ""
        """Of that browser."""

    async def open(self) -> "Pages":
        """Start a browser and warm its page. Raises RenderError when that fails three times in a row."""
        async with self._turn:
            for _ in range(LAUNCHES - 1):
                try:
                    return await self._open()
                except RenderError as error:
                    logger.warning("%s; it is tried again", error)
            return await self._open()

    async def _open(self) -> "Pages":
        try:
            return await Pages.open(await self._launch())
        except BeginFrameUnsupportedError as error:
            logger.info("%s; it draws frames of its own accord, which takes longer", error)
            self._on_demand = False
            return await Pages.open(await self._launch())

    async def _launch(self) -> Browser:
        browser = await Browser.launch(self._binary, on_demand=self._on_demand, driver=self._driver)
        self.version = browser.version
        self.came_up.set()
        return browser


class Pages:
    """A browser with a page for one document at a time."""

    def __init__(self, browser: Browser, page: Page) -> None:
        self.browser = browser
        self.drawn = 0
        self._shared: Page | None = page
        self._at_rest = asyncio.Event()
        self._at_rest.set()

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

    async def take(self, request: RenderRequest) -> Page:
        """Return a page to draw `request` on. Raises RenderError `renderer_crashed`.

        Scripts, a locale or a time zone need a page that nobody had before and nobody gets after.
        """
        self._at_rest.clear()
        try:
            return await (self._own(request) if needs_fresh_page(request) else self._shared_page())
        except BaseException:
            self._at_rest.set()
            raise

    async def _own(self, request: RenderRequest) -> Page:
        setting = PageSetup(
            javascript=request.javascript,
            locale=request.output.locale,
            timezone=request.output.timezone,
            whole_page=any(output.full_page or output.selector for _, output in named_outputs(request.output)),
        )
        return await Page.open(self.browser, setting)

    async def _shared_page(self) -> Page:
        if self._shared is not None and self._shared.crashed:
            crashed, self._shared = self._shared, None
            await crashed.close()
        if self._shared is None:
            self._shared = await Page.open(self.browser)
        return self._shared

    async def give_back(self, page: Page, *, usable: bool) -> None:
        """Take a page back and clean it; else close it and, if it was shared, open another. Never raises."""
        try:
            self.drawn += 1
            shared = page is self._shared
            if usable and shared and await page.clean():
                return
            if shared:
                self._shared = None
            await page.close()
            if shared and not self.browser.gone.is_set():
                with contextlib.suppress(RenderError):  # the next poster tries again, and has the error
                    self._shared = await Page.open(self.browser)
        finally:
            self._at_rest.set()

    def is_worn(self, after: int, above_bytes: int) -> bool:
        """Say whether the browser has drawn its share, or has grown too large."""
        if self.drawn >= after:
            return True
        return self.drawn % MEMORY_CHECK_EVERY == 0 and self.browser.memory_bytes() > above_bytes

    async def close(self) -> None:
        """Wait until the page is back, then end the browser."""
        await self._at_rest.wait()
        await self.browser.close()


def needs_fresh_page(request: RenderRequest) -> bool:
    """Say whether a request may not share a page with others."""
    output = request.output
    return request.javascript or output.locale != DEFAULTS.locale or output.timezone != DEFAULTS.timezone


async def _warm_page(browser: Browser) -> Page:
    page = await Page.open(browser)
    request = RenderRequest(html=WARM_UP.read_text(), output=DEFAULTS, deadline_seconds=WARM_UP_SECONDS)
    await page.draw(request, None)
    if not await page.clean():
        raise RenderError("renderer_crashed", "the browser did not clean its first page")
    return page

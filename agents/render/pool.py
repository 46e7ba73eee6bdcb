"""The pages of one browser, opened ahead, used in turn and closed together."""

import asyncio
import contextlib
from pathlib import Path
from typing import Final, Self

from agents.render.browser import Browser
from agents.render.errors import RenderError
from agents.render.page import Page
from agents.render.rendering import RenderRequest
from schemas.output import DEFAULTS

WARM_UP: Final = Path(__file__).with_name("warm_up.html")
WARM_UP_SECONDS: Final = 20.0
MEMORY_CHECK_EVERY: Final = 50
"""Posters between two looks at the browser's memory: a look costs milliseconds."""


class Pool:
    """A browser with a page for each slot. The engine sees to it that no more pages are taken than there are slots."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.drawn = 0
        self._idle: list[Page] = []
        self._fresh: set[Page] = set()
        self._taken = 0
        self._all_back = asyncio.Event()
        self._all_back.set()

    @classmethod
    async def open(cls, binary: Path | None, slots: int) -> Self:
        """Start a browser and draw a text in every script on each of its pages. Raises RenderError."""
        pool = cls(await Browser.launch(binary))
        try:
            pool._idle.extend(await asyncio.gather(*(_warm_page(pool.browser) for _ in range(slots))))
        except BaseException:
            await pool.browser.close()
            raise
        return pool

    async def take(self, request: RenderRequest) -> Page:
        """Return a page to draw `request` on. Raises RenderError `renderer_crashed`.

        Scripts, a locale or a time zone need a page that nobody had before and nobody gets after.
        """
        self._taken += 1
        self._all_back.clear()
        try:
            if needs_fresh_page(request):
                output = request.output
                page = await Page.open(
                    self.browser, javascript=request.javascript, locale=output.locale, timezone=output.timezone
                )
                self._fresh.add(page)
                return page
            while self._idle:
                page = self._idle.pop()
                if not page.crashed:
                    return page
                await page.close()
            return await Page.open(self.browser)
        except BaseException:
            self._put_back()
            raise

    async def give_back(self, page: Page, *, usable: bool) -> None:
        """Take a page back and clean it; else close it and, if it was a slot's, open another. Never raises."""
        try:
            self.drawn += 1
            fresh = page in self._fresh
            if usable and not fresh and await page.clean():
                self._idle.append(page)
                return
            self._fresh.discard(page)
            await page.close()
            if not fresh and not self.browser.gone.is_set():
                with contextlib.suppress(RenderError):  # the next poster tries again, and has the error
                    self._idle.append(await Page.open(self.browser))
        finally:
            self._put_back()

    def is_worn(self, after: int, above_bytes: int) -> bool:
        """Say whether the browser has drawn its share, or has grown too large."""
        if self.drawn >= after:
            return True
        return self.drawn % MEMORY_CHECK_EVERY == 0 and self.browser.memory_bytes() > above_bytes

    async def close(self) -> None:
        """Wait until every page is back, then end the browser."""
        await self._all_back.wait()
        await self.browser.close()

    def _put_back(self) -> None:
        self._taken -= 1
        if not self._taken:
            self._all_back.set()


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

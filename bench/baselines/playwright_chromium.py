"""Baseline "Chromium driven by Playwright": the fastest way to draw a document with Playwright's API.

No readiness, no reports, no deadlines. Encoder and page can be chosen, to see what each choice costs.
"""

import asyncio
import base64
import os
from types import TracebackType
from typing import Any, Final, Literal, Self

from playwright.async_api import CDPSession, Error, Page, async_playwright

from bench.baselines.documents import HEIGHT, WIDTH
from bench.baselines.drawing import SLOTS
from renderer.browser.chromium import find_chromium
from renderer.fonts.font_set import FONT_CONFIGURATION

ATTEMPTS: Final = 3
"""On a busy machine Chromium may have no frame to capture yet, and refuses."""
Encoder = Literal["PNG for speed", "PNG", "JPEG 90"]
Reuse = Literal["the same page", "about:blank between", "a fresh context"]

_CAPTURES: Final[dict[Encoder, dict[str, Any]]] = {
    "PNG for speed": {"format": "png", "optimizeForSpeed": True},
    "PNG": {"format": "png"},
    "JPEG 90": {"format": "jpeg", "quality": 90},
}


class PlaywrightChromium:
    """A browser with a page for each slot."""

    def __init__(
        self, slots: int = SLOTS, *, encoder: Encoder = "PNG for speed", reuse: Reuse = "the same page"
    ) -> None:
        self.slots = slots
        self._capture = _CAPTURES[encoder]
        self._reuse = reuse
        self._pages: asyncio.Queue[tuple[Page, CDPSession]] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        self._driver = await async_playwright().start()
        self._browser = await self._driver.chromium.launch(
            executable_path=find_chromium(None),
            args=["--font-render-hinting=none"],
            env={**os.environ, "FONTCONFIG_FILE": str(FONT_CONFIGURATION)},
        )
        for _ in range(self.slots):
            await self._pages.put(await self._open())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._browser.close()
        await self._driver.stop()

    async def draw(self, html: str) -> bytes:
        """Draw one document; what the page needs before the next one is part of it."""
        page, session = await self._pages.get()
        await session.send("Page.stopLoading")
        await page.set_content(html)
        picture = await self._captured(session)
        if self._reuse == "about:blank between":
            await page.goto("about:blank")
        elif self._reuse == "a fresh context":
            await page.context.close()
            page, session = await self._open()
        await self._pages.put((page, session))
        return base64.b64decode(picture["data"])

    async def _captured(self, session: CDPSession) -> dict[str, Any]:
        for _ in range(ATTEMPTS - 1):
            try:
                return await session.send("Page.captureScreenshot", self._capture)
            except Error as error:
                if "Unable to capture screenshot" not in error.message:
                    raise
        return await session.send("Page.captureScreenshot", self._capture)

    async def _open(self) -> tuple[Page, CDPSession]:
        context = await self._browser.new_context(
            java_script_enabled=False, viewport={"width": WIDTH, "height": HEIGHT}
        )
        page = await context.new_page()
        return page, await context.new_cdp_session(page)

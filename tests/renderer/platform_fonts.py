"""Which installed fonts Chromium draws texts with, asked of Chromium itself."""

import html
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from renderer.browser.browser import Browser
from renderer.browser.chromium import find_chromium
from renderer.browser.devtools import Session
from renderer.page.browser_context import BrowserContext, ContextOptions

Fonts = list[str]
"""PostScript names, such as `LiberationSans-Bold`, in the order of the alphabet."""


class PlatformFonts:
    """A page that shows texts and says what they are drawn with."""

    def __init__(self, session: Session, frame: str) -> None:
        self._session = session
        self._frame = frame

    async def of(self, texts: Sequence[tuple[str, str, str]]) -> list[Fonts]:
        """Return the fonts of each text, given its language, its style and itself."""
        rows = (f'<p lang="{lang}" style="{html.escape(style)}">{text}</p>' for lang, style, text in texts)
        document = f"<!doctype html><meta charset=utf-8>{''.join(rows)}"
        await self._session.send("Page.setDocumentContent", {"frameId": self._frame, "html": document})
        root = (await self._session.send("DOM.getDocument"))["root"]["nodeId"]
        found = await self._session.send("DOM.querySelectorAll", {"nodeId": root, "selector": "p"})
        return [await self._fonts(node) for node in found["nodeIds"]]

    async def _fonts(self, node: int) -> Fonts:
        used = await self._session.send("CSS.getPlatformFontsForNode", {"nodeId": node})
        return sorted(font["postScriptName"] for font in used["fonts"])


@asynccontextmanager
async def open_platform_fonts() -> AsyncIterator[PlatformFonts]:
    """Open a page as documents are drawn on, in a browser of its own."""
    browser = await Browser.launch(find_chromium(None), on_demand=False, driver="pipe")
    try:
        session = (await BrowserContext.open(browser, ContextOptions())).session
        for domain in ("DOM", "CSS"):
            await session.send(f"{domain}.enable")
        tree = await session.send("Page.getFrameTree")
        yield PlatformFonts(session, tree["frameTree"]["frame"]["id"])
    finally:
        await browser.close()

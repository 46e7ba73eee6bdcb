"""Baseline "Chromium over the pipe": the fewest DevTools commands that draw a document, no engine.

It does what `playwright_chromium` does, with the same parameters, over our own connection and with the renderer's flags
except begin-frame control. So it shows what remains of the engine's advantage without Playwright on the other side.
"""

import asyncio
import base64
from types import TracebackType
from typing import Any, Final, Self

from bench.baselines.documents import HEIGHT, WIDTH
from bench.baselines.drawing import SLOTS
from renderer.browser.browser import Browser
from renderer.browser.chromium import find_chromium
from renderer.browser.devtools import Session

_WRITE: Final = "html => { document.open(); document.write(html); document.close(); }"
_CAPTURE: Final = {"format": "png", "optimizeForSpeed": True}
_VIEWPORT: Final = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}


class PipePage:
    """A page in a context of its own."""

    def __init__(self, session: Session, world: int) -> None:
        self._session = session
        self._world = world
        self._loaded = asyncio.Event()
        session.on("Page.loadEventFired", lambda _: self._loaded.set())

    @classmethod
    async def open(cls, browser: Browser) -> Self:
        """Return a new page with the viewport of the benchmark and without scripts."""
        control = browser.devtools.browser
        context = await control.send("Target.createBrowserContext")
        page = await control.send("Target.createTarget", {"url": "about:blank", **context})
        attached = await control.send("Target.attachToTarget", {"targetId": page["targetId"], "flatten": True})
        session = browser.devtools.session(attached["sessionId"])
        await session.send("Page.enable")
        await session.send("Emulation.setDeviceMetricsOverride", _VIEWPORT)
        await session.send("Emulation.setScriptExecutionDisabled", {"value": True})
        frame = (await session.send("Page.getFrameTree"))["frameTree"]["frame"]["id"]
        world = await session.send("Page.createIsolatedWorld", {"frameId": frame})
        return cls(session, world["executionContextId"])

    async def draw(self, html: str) -> bytes:
        """Write a document, wait for its load event and capture it."""
        await self._session.send("Page.stopLoading")
        self._loaded.clear()
        write: dict[str, Any] = {"functionDeclaration": _WRITE, "executionContextId": self._world}
        await self._session.send("Runtime.callFunctionOn", {**write, "arguments": [{"value": html}]})
        await self._loaded.wait()
        picture = await self._session.send("Page.captureScreenshot", _CAPTURE)
        return base64.b64decode(picture["data"])


class PipeChromium:
    """A browser with a page for each slot, which draws frames of its own accord."""

    def __init__(self, slots: int = SLOTS) -> None:
        self.slots = slots
        self._pages: asyncio.Queue[PipePage] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        self._browser = await Browser.launch(find_chromium(None), on_demand=False, driver="pipe")
        for _ in range(self.slots):
            await self._pages.put(await PipePage.open(self._browser))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._browser.close()

    async def draw(self, html: str) -> bytes:
        """Draw one document."""
        page = await self._pages.get()
        picture = await page.draw(html)
        await self._pages.put(page)
        return picture

"""Frames on demand: Chromium draws a frame of the page when it is asked to, so it draws none in vain."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, cast

from renderer.browser.devtools import DevToolsError, Session, decoded_bytes

INTERVAL_SECONDS: Final = 0.016
TRIES: Final = 5
REFUSALS: Final = ("wasn't found", "only supported if BeginFrameControl")
"""Answers of a Chromium that does not have the command, or does not accept it."""


class BeginFrameUnsupportedError(Exception):
    """This Chromium draws no frames on demand."""


class Frames:
    """Asks for the frames of one page. Does nothing where the browser draws on its own schedule (`frame_lock` is None).

    `frame_lock` is the browser's lock: two frames at once, even of different pages, crash it.
    """

    def __init__(self, session: Session, frame_lock: asyncio.Lock | None) -> None:
        self._session = session
        self._frame_lock = frame_lock

    @property
    def on_demand(self) -> bool:
        """Whether the browser draws frames on demand only, and `picture` can be used."""
        return self._frame_lock is not None

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Draw a frame every 16 ms while the body runs: images are decoded, and callbacks run, with frames only."""
        if self._frame_lock is None:
            yield
            return
        flow = asyncio.create_task(self._flow())
        try:
            yield
        finally:
            flow.cancel()
            await asyncio.gather(flow, return_exceptions=True)  # whoever draws on the page has its error, too

    async def begin(self) -> None:
        """Draw the page's first frame. Raises BeginFrameUnsupportedError where this Chromium refuses to."""
        try:
            await self.draw()
        except DevToolsError as error:
            if any(words in error.message for words in REFUSALS):
                message = f"Chromium draws no frames on demand: {error.message[:200]}"
                raise BeginFrameUnsupportedError(message) from None
            raise

    async def draw(self) -> None:
        """Draw a frame, where the browser draws on demand."""
        if self._frame_lock is not None:
            await self._draw(self._frame_lock, {})

    async def update(self) -> None:
        """Run what comes with a frame, as callbacks and layout, and draw nothing: compositing is what takes long."""
        if self._frame_lock is not None:
            await self._draw(self._frame_lock, {"noDisplayUpdates": True})

    async def picture(self, parameters: dict[str, Any]) -> bytes:
        """Draw a frame and return it as an image; empty where the browser gives none.

        `parameters` are those of HeadlessExperimental.ScreenshotParams.
        """
        for _ in range(TRIES):
            answer = await self._draw(cast("asyncio.Lock", self._frame_lock), {"screenshot": parameters})
            if "screenshotData" in answer:
                return decoded_bytes(answer["screenshotData"])
        return b""

    async def _flow(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            await self.draw()

    async def _draw(self, frame_lock: asyncio.Lock, parameters: dict[str, Any]) -> dict[str, Any]:
        await frame_lock.acquire()
        # The caller may be cancelled; the frame is under way, and holds the lock, until the browser has answered.
        drawing = self._session.send("HeadlessExperimental.beginFrame", parameters)
        drawing.add_done_callback(lambda done: done.cancelled() or done.exception())
        drawing.add_done_callback(lambda _: frame_lock.release())
        answer: dict[str, Any] = await asyncio.shield(drawing)
        return answer

"""One page of the browser: draws document after document, each as if it were the first."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final, Self

from renderer.browser.browser import Browser
from renderer.browser.devtools import Answer, DevToolsError
from renderer.errors import RenderError
from renderer.page.cancel_on import EndedError, cancel_on
from renderer.page.clip import clip_of
from renderer.page.document_assets import AssetsLateError, DocumentAssets
from renderer.page.frames import Frames
from renderer.page.interception import RequestInterceptor
from renderer.page.page_target import ATTACH, PageSetup, PageTarget
from renderer.page.pdf import print_page
from renderer.page.readiness import LayoutReport, arrange, compose, draw_frames, main_frame, make_world
from renderer.page.screenshot import capture
from renderer.page.viewport import Viewport
from renderer.page.warnings import asset_warnings, image_warnings, text_warnings
from renderer.rendering import AssetUsage, Image, RenderRequest
from schemas import outcomes
from schemas.codes import ErrorCode
from schemas.output import Output, named_outputs

PLAIN: Final = PageSetup()
OPEN_SECONDS: Final = 5.0
CLOSE_SECONDS: Final = 2.0
CLEAN_SECONDS: Final = 2.0
MEMORY_MAX_BYTES: Final = 1024**3
MEMORY_LOOK_SECONDS: Final = 0.5
"""Between two looks at memory; most posters are done before the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageResult:
    """What one visit of a page yields."""

    images: list[Image]
    characters: str
    """Distinct characters outside ASCII that are left to the installed fonts."""
    usage: AssetUsage
    warnings: list[outcomes.PosterWarning]
    composed_seconds: float
    captured_seconds: float


class Page:
    """A page in a context of its own, and so in a process of its own.

    After an error it must be closed. After a success, `clean` makes it ready for the next document.
    """

    def __init__(self, browser: Browser, target: PageTarget) -> None:
        self.browser = browser
        self._target = target
        self._session = target.session
        self._frames = Frames(target.session, browser.turn)
        self._frame = ""
        self._world = 0
        self._view = Viewport()
        self._javascript = False
        self._traffic = RequestInterceptor(target.session, None)
        self._arrived = asyncio.Event()
        self._crashed = asyncio.Event()
        self._left = asyncio.Event()
        self._stained = False

    @classmethod
    async def open(cls, browser: Browser, setting: PageSetup = PLAIN) -> Self:
        """Return a new page.

        Raises RenderError: `output_invalid` for an unknown locale or time zone, `renderer_crashed` when the browser
        gives no page in 5 seconds.
        """
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                return await cancel_on(cls._open(browser, setting), browser.gone)
        except (DevToolsError, TimeoutError, EndedError) as error:
            if "Invalid timezone" in str(error) or "Invalid locale" in str(error):
                message = f"Chromium knows no locale {setting.locale!r} or no time zone {setting.timezone!r}"
                raise RenderError("output_invalid", message) from None
            raise RenderError("renderer_crashed", f"the browser opened no page ({error!r})") from None

    @classmethod
    async def _open(cls, browser: Browser, setting: PageSetup) -> Self:
        target = await PageTarget.open(browser, setting)
        opened = cls(browser, target)
        try:
            await opened._watch()
        except BaseException:
            target.abandon()
            raise
        return opened

    async def draw(self, request: RenderRequest, supply: DocumentAssets | None) -> PageResult:
        """Draw one document within its deadline; without a supply its assets are reported as blocked.

        Raises AssetsLateError where others shall have the page meanwhile, and RenderError: `render_timeout`, or
        `script_timeout` where the document's scripts run, at the deadline; `renderer_crashed`; `renderer_oom` above
        1 GiB; `navigated`; `output_invalid` for a selector; what `capture` raises.
        """
        try:
            async with asyncio.timeout(request.deadline_seconds):
                async with _repeatedly(MEMORY_LOOK_SECONDS, lambda: self.browser.kill_oversized(MEMORY_MAX_BYTES)):
                    ends = [self._left, self._crashed, self.browser.gone, *([supply.late] if supply else [])]
                    return await cancel_on(self._draw(request, supply), *ends)
        except TimeoutError:
            code: ErrorCode = "script_timeout" if request.javascript else "render_timeout"
            message = f"the document was not ready within {request.deadline_seconds:.3g} s"
            raise RenderError(code, message) from None
        except EndedError:
            raise self._ended() from None
        except DevToolsError as error:
            if request.javascript and "navigated or closed" in error.message:
                raise RenderError("navigated", "the document's script closed it or went elsewhere") from None
            raise RenderError("renderer_crashed", f"the page failed: {error.message[:300]}") from None

    def _ended(self) -> RenderError | AssetsLateError:
        if self._left.is_set():
            return RenderError("navigated", "the document navigated away while it was drawn")
        if self.browser.gone.is_set():
            return RenderError("renderer_crashed", "the browser ended while it drew the document")
        if not self._crashed.is_set():
            return AssetsLateError()
        if self.browser.take_blame():
            return RenderError("renderer_oom", f"the document took more than {MEMORY_MAX_BYTES:,} bytes of memory")
        return RenderError("renderer_crashed", "the page's process ended while it drew the document")

    @property
    def crashed(self) -> bool:
        """Whether the page's process has ended."""
        return self._crashed.is_set()

    async def clean(self) -> bool:
        """Make the page ready for the next document; False when it has to be closed instead."""
        cleaning = self._blank() if self._stained else self._session.send("Page.stopLoading")
        try:
            async with asyncio.timeout(CLEAN_SECONDS):
                await cancel_on(cleaning, self._crashed, self.browser.gone)
        except (DevToolsError, TimeoutError, EndedError):
            return False
        self._stained = False
        self._left.clear()
        return True

    async def close(self) -> None:
        """Close page and context. Never raises.

        After 2 seconds the page's process is ended, which its neighbours do not feel; after 2 more the browser is.
        """
        closing = self._target.close()
        if not await self._done(closing):
            self._session.tell("Page.crash")
            if not await self._done(closing):
                self.browser.kill()
        closing.cancel()
        await asyncio.gather(closing, return_exceptions=True)

    async def _done(self, closing: Answer) -> bool:
        """Say whether the page is closed, or the browser gone, within 2 seconds."""
        gone = asyncio.ensure_future(self.browser.gone.wait())
        done, _ = await asyncio.wait((closing, gone), timeout=CLOSE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        return bool(done)

    async def _blank(self) -> None:
        self._arrived.clear()
        await self._session.send("Page.navigate", {"url": "about:blank"})
        await self._arrived.wait()
        self._world = await make_world(self._session, self._frame)

    async def _watch(self) -> None:
        session = self._session
        session.on("Inspector.targetCrashed", lambda _: self._crashed.set())
        session.on("Network.requestWillBeSent", self._note)
        session.on("Target.attachedToTarget", self._watch_worker)
        session.on("Page.frameNavigated", self._note_document)
        session.on("Page.frameRequestedNavigation", self._note_request)
        session.on("Page.javascriptDialogOpening", self._refuse_dialog)
        session.on("Fetch.requestPaused", self._answer)
        self._frame = await main_frame(session)
        self._world = await make_world(session, self._frame)
        await self._frames.begin()

    def _watch_worker(self, attached: dict[str, Any]) -> None:
        """Hear what a worker, and those that it starts, ask the network for."""
        worker = self.browser.devtools.session(attached["sessionId"])
        worker.on("Network.requestWillBeSent", self._note)
        worker.on("Target.attachedToTarget", self._watch_worker)
        worker.tell("Network.enable")
        worker.tell("Target.setAutoAttach", ATTACH)
        worker.tell("Runtime.runIfWaitingForDebugger")

    def _note_document(self, navigated: dict[str, Any]) -> None:
        """Note that another document came. One that goes to a part of itself stays."""
        if navigated["frame"]["id"] == self._frame:
            self._left.set()
            self._arrived.set()

    def _note_request(self, requested: dict[str, Any]) -> None:
        """Note that the document's script wants to go elsewhere, be it to another program: it stops loading then."""
        if self._javascript and requested["frameId"] == self._frame and requested["disposition"] == "currentTab":
            self._left.set()

    def _note(self, sent: dict[str, Any]) -> None:
        self._traffic.note(sent)

    def _answer(self, paused: dict[str, Any]) -> None:
        if paused["resourceType"] != "Document":
            self._traffic.answer(paused)
            return
        # A navigation that is answered 204 leaves the document as it is.
        self._session.tell("Fetch.fulfillRequest", {"requestId": paused["requestId"], "responseCode": 204})

    def _refuse_dialog(self, _: dict[str, Any]) -> None:
        self._session.tell("Page.handleJavaScriptDialog", {"accept": False})

    async def _draw(self, request: RenderRequest, supply: DocumentAssets | None) -> PageResult:
        started = time.monotonic()
        self._traffic = RequestInterceptor(self._session, supply)
        self._javascript = request.javascript
        await self._traffic.serve()
        images: list[Image] = []
        seen: list[LayoutReport] = []
        composed_seconds = 0.0
        for name, output in named_outputs(request.output):
            began = time.monotonic()
            await self._look(output)
            async with self._frames.flowing():
                if not seen:
                    composed = await compose(self._session, self._world, request.html, output)
                    self._check_refresh(composed, request.deadline_seconds)
                else:
                    composed = await arrange(self._session, self._world, request.html, output)
                if self._traffic.busy:
                    await self._traffic.idle()
                    await draw_frames(self._session, self._world)
            composed_seconds += time.monotonic() - began
            seen.append(composed)
            images.append(await self._picture(name, output, composed))
        await self._traffic.stop()
        for url in dict.fromkeys(url for composed in seen for url in composed.failed):
            self._traffic.lack(url)
        usage = self._traffic.usage()
        self._stained = any(composed.traces for composed in seen) or bool(usage.assets) or request.javascript
        return PageResult(
            images=images,
            characters="".join(composed.characters for composed in seen),
            usage=usage,
            warnings=[*asset_warnings(usage.assets), *image_warnings(seen), *text_warnings(seen)],
            composed_seconds=composed_seconds,
            captured_seconds=time.monotonic() - started - composed_seconds,
        )

    async def _look(self, output: Output) -> None:
        view = Viewport.of(output)
        last, self._view = self._view, view
        await view.set(self._session, last)

    async def _picture(self, name: str, output: Output, composed: LayoutReport) -> Image:
        if output.format == "pdf":
            async with self._frames.flowing():
                return await print_page(self._session, self._world, name, output, clip_of(output, composed))
        if self._javascript:
            await self._frames.draw()  # its events come with a frame, and may change what the next one shows
        return await capture(self._session, self._frames, name, output, clip_of(output, composed))

    def _check_refresh(self, composed: LayoutReport, within_seconds: float) -> None:
        """Treat a refresh alike whether or not it is faster than the capture.

        To an address of the network it is refused and the document stays; anything else would replace the document.
        """
        if composed.refresh is None or composed.refresh[0] >= within_seconds:
            return
        _, url = composed.refresh
        if not url.lower().startswith(("http:", "https:")):
            raise RenderError("navigated", "the document refreshes itself; remove its <meta http-equiv=refresh>")
        self._traffic.block(url)


@contextlib.asynccontextmanager
async def _repeatedly(seconds: float, action: Callable[[], None]) -> AsyncIterator[None]:
    """Run `action` every so often while the body runs, the first time after the first interval."""

    async def repeat() -> None:
        while True:
            await asyncio.sleep(seconds)
            action()

    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        task.cancel()

"""One document on one page: a page draws document after document, each as if it were the first."""

import asyncio
import time
from collections.abc import Awaitable
from typing import Any, Final, Self, TypeVar

from renderer.browser.browser import Browser
from renderer.browser.devtools import Answer, DevToolsError
from renderer.browser.memory_watch import BROWSER_MAX_BYTES, PAGE_MAX_BYTES
from renderer.errors import RenderError
from renderer.page.browser_context import AUTO_ATTACH, BrowserContext, ContextOptions
from renderer.page.clip import clip_of
from renderer.page.document_assets import AssetsLateError, DocumentAssets
from renderer.page.frames import Frames
from renderer.page.interception import RequestInterceptor
from renderer.page.page_result import PageResult
from renderer.page.pdf import print_page
from renderer.page.readiness import LayoutReport, arrange, compose, draw_frames, main_frame, make_world
from renderer.page.screenshot import capture
from renderer.page.script_errors import QUIET_CONSOLE, ScriptErrors
from renderer.page.viewport import Viewport
from renderer.rendering import Image, RenderRequest
from schemas.output import Output, named_outputs

DEFAULT_OPTIONS: Final = ContextOptions()
OPEN_SECONDS: Final = 5.0
CLOSE_SECONDS: Final = 2.0
CLEAN_SECONDS: Final = 2.0
_TOO_LARGE: Final = "the document took more than {:,} bytes of memory"

T = TypeVar("T")


class Page:
    """A page in a context of its own, and so in a process of its own.

    After an error it must be closed. After a success, `clean` makes it ready for the next document.
    """

    def __init__(self, browser: Browser, context: BrowserContext) -> None:
        self._browser = browser
        self._context = context
        self._session = context.session
        self._frames = Frames(context.session, browser.frame_lock)
        self._frame = ""
        self._world = 0
        self._viewport = Viewport()
        self._javascript = False
        self._interceptor = RequestInterceptor(context.session, None)
        self._script_errors = ScriptErrors()
        self._arrived = asyncio.Event()
        self._crashed = asyncio.Event()
        self._left = asyncio.Event()
        self._dirty = False
        """The last document left something behind that another document would see."""

    @classmethod
    async def open(cls, browser: Browser, options: ContextOptions = DEFAULT_OPTIONS) -> Self:
        """Return a new page.

        Raises RenderError: `output_invalid` for an unknown locale or time zone, `renderer_crashed` when the browser
        gives no page in 5 seconds.
        """
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                return await _cancel_on(cls._open(browser, options), browser.gone)
        except (DevToolsError, TimeoutError, _EndedError) as error:
            if "Invalid timezone" in str(error) or "Invalid locale" in str(error):
                message = f"Chromium knows no locale {options.locale!r} or no time zone {options.timezone!r}"
                raise RenderError("output_invalid", message) from None
            raise RenderError("renderer_crashed", f"the browser opened no page ({error!r})") from None

    @classmethod
    async def _open(cls, browser: Browser, options: ContextOptions) -> Self:
        context = await BrowserContext.open(browser, options)
        opened = cls(browser, context)
        try:
            await opened._watch()
        except BaseException:
            context.abandon()
            raise
        return opened

    async def draw(self, request: RenderRequest, assets: DocumentAssets | None) -> PageResult:
        """Draw one document within its deadline; without `assets` all that it names are reported as blocked.

        Raises AssetsLateError where others shall have the page meanwhile, and RenderError: `render_timeout`, or
        `script_timeout` where the document's scripts run, at the deadline; `renderer_crashed`; `renderer_oom` above
        the limits of `memory_watch`; `navigated`; `output_invalid` for a selector; what `capture` raises.
        """
        try:
            async with asyncio.timeout(request.deadline_seconds):
                ends = [self._left, self._crashed, self._browser.gone, *([assets.late] if assets else [])]
                return await _cancel_on(self._draw(request, assets), *ends)
        except TimeoutError:
            message = f"the document was not ready within {request.deadline_seconds:.2g} s"
            if request.javascript:
                hint = "a script may not end; look for loops and for what it waits for"
                raise RenderError("script_timeout", f"{message}; {hint}") from None
            raise RenderError("render_timeout", message) from None
        except _EndedError:
            raise self._reason_of_end() from None
        except DevToolsError as error:
            if request.javascript and "navigated or closed" in error.message:
                raise RenderError("navigated", "the document's script closed it or went elsewhere") from None
            raise RenderError("renderer_crashed", f"the page failed: {error.message[:300]}") from None

    def _reason_of_end(self) -> RenderError | AssetsLateError:
        if self._left.is_set():
            return RenderError("navigated", "the document navigated away while it was drawn")
        if self._browser.oversized:
            return RenderError("renderer_oom", _TOO_LARGE.format(BROWSER_MAX_BYTES))
        if self._browser.gone.is_set():
            return RenderError("renderer_crashed", "the browser ended while it drew the document")
        if not self._crashed.is_set():
            return AssetsLateError()
        if self._browser.claim_kill():
            return RenderError("renderer_oom", _TOO_LARGE.format(PAGE_MAX_BYTES))
        return RenderError("renderer_crashed", "the page's process ended while it drew the document")

    @property
    def crashed(self) -> bool:
        """Whether the page's process has ended."""
        return self._crashed.is_set()

    async def clean(self) -> bool:
        """Make the page ready for the next document; False when it has to be closed instead."""
        cleaning = self._go_to_blank() if self._dirty else self._session.send("Page.stopLoading")
        try:
            async with asyncio.timeout(CLEAN_SECONDS):
                await _cancel_on(cleaning, self._crashed, self._browser.gone)
        except (DevToolsError, TimeoutError, _EndedError):
            return False
        self._dirty = False
        self._left.clear()
        return True

    async def close(self) -> None:
        """Close page and context. Never raises.

        After 2 seconds the page's process is ended, which does not affect other pages; after 2 more the browser is.
        """
        closing = self._context.close()
        if not await self._is_closed(closing):
            self._session.tell("Page.crash")
            if not await self._is_closed(closing):
                self._browser.kill()
        closing.cancel()
        await asyncio.gather(closing, return_exceptions=True)

    async def _is_closed(self, closing: Answer) -> bool:
        """Say whether the page is closed, or the browser gone, within 2 seconds."""
        gone = asyncio.ensure_future(self._browser.gone.wait())
        done, _ = await asyncio.wait((closing, gone), timeout=CLOSE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        return bool(done)

    async def _go_to_blank(self) -> None:
        self._arrived.clear()
        await self._session.send("Page.navigate", {"url": "about:blank"})
        await self._arrived.wait()
        self._world = await make_world(self._session, self._frame)

    async def _watch(self) -> None:
        session = self._session
        session.on("Inspector.targetCrashed", lambda _: self._crashed.set())
        session.on("Network.requestWillBeSent", self._on_request)
        session.on("Target.attachedToTarget", self._on_worker)
        session.on("Page.frameNavigated", self._on_navigated)
        session.on("Page.frameRequestedNavigation", self._on_navigation_requested)
        session.on("Page.javascriptDialogOpening", self._on_dialog)
        session.on("Fetch.requestPaused", self._on_request_paused)
        self._script_errors.watch(session)
        self._frame = await main_frame(session)
        self._world = await make_world(session, self._frame)
        await self._frames.begin()

    def _on_worker(self, attached: dict[str, Any]) -> None:
        """Record what a web worker, and those that it starts, request from the network, and their errors."""
        worker = self._browser.devtools.session(attached["sessionId"])
        worker.on("Network.requestWillBeSent", self._on_request)
        worker.on("Target.attachedToTarget", self._on_worker)
        self._script_errors.watch(worker)
        worker.tell("Network.enable")
        worker.tell("Runtime.evaluate", {"expression": QUIET_CONSOLE})
        worker.tell("Runtime.enable")
        worker.tell("Target.setAutoAttach", AUTO_ATTACH)
        worker.tell("Runtime.runIfWaitingForDebugger")

    def _on_navigated(self, navigated: dict[str, Any]) -> None:
        """Another document has replaced this one. Going to a fragment of the same document sends no such event."""
        if navigated["frame"]["id"] == self._frame:
            self._left.set()
            self._arrived.set()

    def _on_navigation_requested(self, requested: dict[str, Any]) -> None:
        """The document's script wants to navigate, even if to another program: the document stops loading then."""
        if self._javascript and requested["frameId"] == self._frame and requested["disposition"] == "currentTab":
            self._left.set()

    def _on_request(self, sent: dict[str, Any]) -> None:
        self._interceptor.record_request(sent)

    def _on_request_paused(self, paused: dict[str, Any]) -> None:
        if paused["resourceType"] != "Document":
            self._interceptor.answer(paused)
            return
        # A navigation that is answered 204 leaves the document as it is.
        self._session.tell("Fetch.fulfillRequest", {"requestId": paused["requestId"], "responseCode": 204})

    def _on_dialog(self, _: dict[str, Any]) -> None:
        self._session.tell("Page.handleJavaScriptDialog", {"accept": False})

    async def _draw(self, request: RenderRequest, assets: DocumentAssets | None) -> PageResult:
        started = time.monotonic()
        self._interceptor = RequestInterceptor(self._session, assets)
        self._javascript = request.javascript
        await self._interceptor.start()
        images: list[Image] = []
        reports: list[LayoutReport] = []
        composed_seconds = 0.0
        for name, output in named_outputs(request.output):
            began = time.monotonic()
            reports.append(await self._layout(request, output, is_first=not reports))
            composed_seconds += time.monotonic() - began
            images.append(await self._capture(name, output, reports[-1]))
        await self._interceptor.stop()
        for url in dict.fromkeys(url for report in reports for url in report.failed):
            self._interceptor.mark_invalid(url)
        for url in dict.fromkeys(url for report in reports for url in report.replaceable):
            self._interceptor.forget_replaced(url)
        usage = self._interceptor.usage()
        self._dirty = any(report.traces for report in reports) or bool(usage.assets) or request.javascript
        captured_seconds = time.monotonic() - started - composed_seconds
        return PageResult.of(
            images,
            reports,
            usage,
            script_errors=self._script_errors.messages,
            composed_seconds=composed_seconds,
            captured_seconds=captured_seconds,
        )

    async def _layout(self, request: RenderRequest, output: Output, *, is_first: bool) -> LayoutReport:
        """Return once the document is ready for the capture of an output; the first output brings it into the page."""
        last, self._viewport = self._viewport, Viewport.of(output)
        await self._viewport.set(self._session, last)
        async with self._frames.flowing():
            if is_first:
                report = await compose(self._session, self._world, request.html, output)
                self._check_refresh(report, request.deadline_seconds)
            else:
                report = await arrange(self._session, self._world, request.html, output)
            if self._interceptor.busy:
                await self._interceptor.wait_idle()
                await draw_frames(self._session, self._world)
        return report

    async def _capture(self, name: str, output: Output, report: LayoutReport) -> Image:
        if output.format == "pdf":
            async with self._frames.flowing():
                return await print_page(self._session, self._world, name, output, clip_of(output, report))
        if self._javascript:
            await self._frames.draw()  # its events come with a frame, and may change what the next one shows
        return await capture(self._session, self._world, self._frames, name, output, clip_of(output, report))

    def _check_refresh(self, report: LayoutReport, within_seconds: float) -> None:
        """Treat a refresh alike whether or not it is faster than the capture.

        To an address of the network it is refused and the document stays; anything else would replace the document.
        """
        if report.refresh is None or report.refresh[0] >= within_seconds:
            return
        _, url = report.refresh
        if not url.lower().startswith(("http:", "https:")):
            where = f"navigates to {url[:80]!r}" if url else "refreshes itself"
            raise RenderError("navigated", f"the document {where}; remove its <meta http-equiv=refresh>")
        self._interceptor.block_refresh(url)


class _EndedError(Exception):
    """What the work depends on has ended; the work was cancelled."""


async def _cancel_on(work: Awaitable[T], *ends: asyncio.Event) -> T:
    """Return what `work` returns; cancel it as soon as one of the events is set, and raise _EndedError."""
    task = asyncio.ensure_future(work)
    waits = [asyncio.ensure_future(end.wait()) for end in ends]
    try:
        await asyncio.wait((task, *waits), return_when=asyncio.FIRST_COMPLETED)
        if any(end.is_set() for end in ends):
            raise _EndedError
        return task.result()
    finally:
        for each in (task, *waits):
            each.cancel()
        await asyncio.gather(task, *waits, return_exceptions=True)

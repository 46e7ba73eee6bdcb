"""The rendering engine: documents in, image bytes out. It survives crashed, hung and worn browsers."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType, TracebackType
from typing import Final, Self, cast

from renderer.assets.integrity import Integrity
from renderer.assets.port import AssetFetcher
from renderer.background_tasks import BackgroundTasks
from renderer.browser import chromium
from renderer.browser.driver import DriverName
from renderer.browser.scratch import remove_orphans
from renderer.concurrency_limit import ConcurrencyLimit
from renderer.cores import usable_cores
from renderer.cost_estimates import CostEstimates
from renderer.errors import RenderError
from renderer.fonts.font_set import FontSet, read_fonts
from renderer.hyphenation.dictionaries import dictionaries_version, installed_dictionaries
from renderer.large_text import off_the_loop
from renderer.page.document_assets import AssetsLateError, DocumentAssets
from renderer.page.interception import may_use_network
from renderer.page.network_document import NetworkDocument
from renderer.page.page_result import PageResult
from renderer.pool import Pool
from renderer.rendering import AssetUsage, Rendering, RenderRequest, Timings
from renderer.snapshot import EngineSnapshot
from renderer.text_warnings import text_warnings
from renderer.warm_browser import Launcher
from renderer.worker import RECYCLE_ABOVE_BYTES, RECYCLE_AFTER, OnRestart, Worker
from schemas.output import named_outputs

logger = logging.getLogger(__name__)

RENDERER_VERSION: Final = 6
"""Raised with every change that changes pixels: it is part of the input digest, and so of object keys."""
UPLOADS_BESIDE: Final = 4
"""Documents in flight beyond the workers, so that uploads overlap the drawing of the next documents."""
FIRST_ALONE_SECONDS: Final = 0.5
"""How long the first document has the cores for itself; then the other workers' browsers are started."""
ASSETS_SHARE: Final = 0.6
"""Share of a document's time for its assets altogether; then it is drawn without those that are missing."""


def _ignore(_: object) -> None:
    """Do nothing."""


def _ignore_cost(_: RenderRequest, __: float) -> None:
    """Do nothing."""


class Engine:
    """Draws documents in Chromium with a pool of workers, each with a browser of its own.

    `chromium_binary` and `driver` are the settings POSTERS_CHROMIUM and POSTERS_DRIVER; `concurrency` is how many
    documents are drawn at once (0: one per core plus one). `fetcher` is the only way to the network; without it every
    network asset is reported as blocked. `recycle_after` (documents) and `recycle_above_bytes` (memory) say when a
    browser is worn, and `on_restart` is called with the reason whenever one is replaced. Sources share the workers by
    `source_weights`, 1 for each that is not in it.
    """

    def __init__(
        self,
        *,
        chromium_binary: str | None = None,
        driver: DriverName | None = None,
        concurrency: int = 0,
        fetcher: AssetFetcher | None = None,
        recycle_after: int = RECYCLE_AFTER,
        recycle_above_bytes: int = RECYCLE_ABOVE_BYTES,
        on_restart: OnRestart = _ignore,
        source_weights: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        self.concurrency = concurrency or usable_cores() + 1
        """How many documents are drawn at once."""
        self.concurrency_limit = ConcurrencyLimit(self.concurrency + UPLOADS_BESIDE)
        """For the caller: how many documents to have in flight. One that waits for its assets yields its permit."""
        self.last_finished_at: float | None = None
        """When a document was last drawn or refused, by `time.monotonic`; None before the first."""
        self.costs = CostEstimates()
        """What documents cost, by their `cost_kind`."""
        self.on_cost: Callable[[RenderRequest, float], object] = _ignore_cost
        """Called with each request that has held a worker, and for how many seconds."""
        self._fetcher = fetcher
        self._binary = chromium.find_chromium(chromium_binary)
        self._launcher = Launcher(self._binary, driver)
        self._workers = [
            Worker(
                self._launcher,
                recycle_after=recycle_after,
                recycle_above_bytes=recycle_above_bytes,
                on_restart=on_restart,
            )
            for _ in range(self.concurrency)
        ]
        self._pool: Pool[Worker] = Pool(weights=source_weights)
        self._unopened = self._workers[1:]
        """Workers that are opened once there is something to draw."""
        self._fonts: FontSet | None = None
        self._dictionaries: frozenset[str] = frozenset()
        self._fingerprint: str | None = None
        self._background = BackgroundTasks()
        self._closed = False

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Start the first browser and return once it has come up; it is warmed meanwhile, for the first document.

        Raises RenderError when it does not come up in three tries.
        """
        await asyncio.to_thread(remove_orphans)
        if self._closed:
            raise RenderError("renderer_crashed", "the renderer was closed while it started")
        first = self._workers[0]
        opening = asyncio.create_task(first.open())
        opening.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._fonts = await asyncio.to_thread(read_fonts)
        self._dictionaries = await asyncio.to_thread(installed_dictionaries, self._binary)
        hyphenation = await asyncio.to_thread(dictionaries_version, self._binary)
        came_up = asyncio.create_task(self._launcher.came_up.wait())
        await asyncio.wait((opening, came_up), return_when=asyncio.FIRST_COMPLETED)
        came_up.cancel()
        if opening.done():
            await opening
        parts = (str(RENDERER_VERSION), self._launcher.version, self._fonts.version, hyphenation)
        self._fingerprint = "-".join(part for part in parts if part)
        self._background.start(self._add(first))

    async def _add(self, worker: Worker) -> None:
        try:
            with contextlib.suppress(RenderError):  # the document that gets this worker tries again, and has the error
                await worker.open()
        finally:
            self._pool.add(worker)  # also after an error: documents wait for a worker without a limit

    def _open_others(self) -> None:
        """Open the other workers. Not before the first document: it should wait for one browser only."""
        unopened, self._unopened = self._unopened, []
        for worker in unopened:
            self._background.start(self._add(worker))

    @property
    def healthy(self) -> bool:
        """Whether a browser is there to draw with."""
        return any(worker.browser for worker in self._workers)

    @property
    def fingerprint(self) -> str:
        """Return what decides pixels beside the document: our version, Chromium's, the fonts', the dictionaries'."""
        if self._fingerprint is None:
            raise RuntimeError("the engine's fingerprint is known once it has started; call `start` first")
        return self._fingerprint

    def snapshot(self) -> EngineSnapshot:
        """Return the state at this moment. Reads the memory of each browser, which takes some milliseconds."""
        free = self._pool.free
        busy = [worker for worker in self._workers if worker not in free]
        browsers = [worker.browser for worker in self._workers if worker.browser is not None]
        return EngineSnapshot(
            workers=(
                *(worker.snapshot(free=True) for worker in free),
                *(worker.snapshot(free=False) for worker in busy),
            ),
            waiting=self._pool.waiting,
            memory_bytes=sum(browser.memory_bytes() for browser in browsers),
        )

    async def render(self, request: RenderRequest) -> Rendering:
        """Draw one document and return its images. Waits for the assets that it names, then for a free worker.

        What was ended by a crash is drawn once more within the same deadline, because a neighbour may have caused it.
        Raises RenderError; the engine is ready for the next document whatever this one did.
        """
        html = request.html
        document = await off_the_loop(lambda: NetworkDocument.of(html), len(html))
        request = replace(request, html=document.html)
        document_assets = await self._document_assets(request, document.integrity)
        deadline = _Deadline(request.deadline_seconds)
        fetched = 0.0
        try:
            if document_assets is not None:
                with self.concurrency_limit.yielded():
                    await document_assets.prefetch(request.html, scripts=request.javascript)
                fetched = request.deadline_seconds - deadline.left
            results = []
            for visit in request.visits():
                worker = await self._acquire(request, deadline)
                results.append(await self._visit(worker, visit, document_assets, deadline))
        finally:
            if document_assets is not None:
                document_assets.cancel()
        return self._rendering(request, results, waited=deadline.paused_seconds, fetched=fetched)

    async def _document_assets(
        self, request: RenderRequest, integrity: Mapping[str, Collection[Integrity]]
    ) -> DocumentAssets | None:
        if self._fetcher is None:
            return None
        html = request.html
        if not request.javascript and not await off_the_loop(lambda: may_use_network(html), len(html)):
            return None
        seconds = request.deadline_seconds * ASSETS_SHARE
        return DocumentAssets(self._fetcher, seconds, lambda: self._pool.waiting > 0, integrity)

    async def _acquire(self, request: RenderRequest, deadline: "_Deadline") -> Worker:
        """Wait for a worker, with the deadline paused. Raises RenderError once the engine is closed."""
        if self._unopened:
            asyncio.get_running_loop().call_later(FIRST_ALONE_SECONDS, self._open_others)
        with deadline.paused():
            worker = await self._pool.acquire(request.lane, request.source, self.costs.estimate(request.cost_kind))
        if self._closed:
            # Nobody would end the browser that it starts.
            self._pool.release(worker)
            raise RenderError("renderer_crashed", "the renderer was closed before the document was drawn")
        return worker

    async def _visit(
        self, worker: Worker, request: RenderRequest, document_assets: DocumentAssets | None, deadline: "_Deadline"
    ) -> PageResult:
        """Draw what one visit of a page yields, with a worker that the caller has acquired."""
        crashed = False
        while True:
            try:
                return await self._draw(worker, replace(request, deadline_seconds=deadline.left), document_assets)
            except AssetsLateError:
                with self.concurrency_limit.yielded():
                    await cast("DocumentAssets", document_assets).wait_idle()
            except RenderError as error:
                if error.code != "renderer_crashed" or deadline.left <= 0 or self._closed or crashed:
                    raise
                logger.warning("%s; drawing it once more", error)
                crashed = True
            worker = await self._acquire(request, deadline)

    async def _draw(self, worker: Worker, request: RenderRequest, document_assets: DocumentAssets | None) -> PageResult:
        """Draw one document, and release the worker once it is clean."""
        try:
            return await worker.draw(request, document_assets)
        finally:
            self.last_finished_at = time.monotonic()
            # Cleaning is no part of this document's time, but the worker is free only after it.
            self._background.start(self._clear(worker, request))

    async def _clear(self, worker: Worker, request: RenderRequest) -> None:
        try:
            await worker.clear()
        finally:
            seconds = self._pool.release(worker)
            self.costs.note(request.cost_kind, seconds)
            self.on_cost(request, seconds)

    async def close(self) -> None:
        """Shut down gracefully: finish the documents that are drawn, end the browsers, remove all that they wrote."""
        self._closed = True
        self._unopened = []
        await asyncio.gather(*(worker.close() for worker in self._workers))
        await self._background.finish()

    def _rendering(
        self, request: RenderRequest, results: list[PageResult], *, waited: float, fetched: float
    ) -> Rendering:
        images = {image.name: image for result in results for image in result.images}
        warnings = list(dict.fromkeys(warning for result in results for warning in result.warnings))
        if self._fonts:
            warnings += text_warnings(results, self._fonts, self._dictionaries)
        timings = Timings(
            fetched=fetched,
            waited=waited,
            composed=sum(result.composed_seconds for result in results),
            captured=sum(result.captured_seconds for result in results),
        )
        return Rendering(
            images=[images[name] for name, _ in named_outputs(request.output)],
            usage=AssetUsage.of_all(result.usage for result in results),
            warnings=warnings,
            timings=timings,
        )


class _Deadline:
    """A number of seconds from now on, which can be paused: waiting for a worker does not count."""

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds
        self.paused_seconds = 0.0

    @property
    def left(self) -> float:
        """Seconds that are left; 0 or less when it has passed."""
        return self._ends_at - time.monotonic()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the clock while the body runs."""
        began = time.monotonic()
        try:
            yield
        finally:
            seconds = time.monotonic() - began
            self._ends_at += seconds
            self.paused_seconds += seconds

"""The rendering engine: HTML in, image bytes out, whatever becomes of the browser."""

import asyncio
import contextlib
import logging
import time
from dataclasses import replace
from typing import Final, cast

from renderer.assets.port import AssetFetcher
from renderer.background_tasks import BackgroundTasks
from renderer.browser import chromium
from renderer.browser.driver import DriverName
from renderer.browser.scratch import remove_orphans
from renderer.concurrency_limit import ConcurrencyLimit
from renderer.cores import usable_cores
from renderer.deadline import Deadline
from renderer.errors import RenderError
from renderer.fonts.font_set import FontSet, read_fonts
from renderer.page.document_assets import AssetsLateError, DocumentAssets
from renderer.page.interception import may_use_network
from renderer.page.page import PageResult
from renderer.pages import Launcher
from renderer.pool import Pool
from renderer.rendering import AssetUsage, Rendering, RenderRequest, Timings
from renderer.worker import RECYCLE_ABOVE_BYTES, RECYCLE_AFTER, OnRestart, Worker
from schemas import outcomes
from schemas.output import named_outputs

logger = logging.getLogger(__name__)

RENDERER_VERSION: Final = 5
"""Raised with every change that changes pixels: it is part of the input digest, and so of object keys."""
UPLOADS_BESIDE: Final = 4
"""Documents in hand beyond the pages: what comes after drawing overlaps the next one."""
FIRST_ALONE_SECONDS: Final = 0.5
"""For so long the first document has the cores for itself; then the other slots' browsers are started."""
ASSETS_SHARE: Final = 0.6
"""Of a document's time, for its assets altogether; then it is drawn without those that are missing."""


def _ignore(_: object) -> None:
    """Do nothing."""


class Engine:
    """Chromium behind a fixed number of slots. It replaces crashed, hung and worn browsers on its own.

    `chromium_binary` and `driver` are the settings POSTERS_CHROMIUM and POSTERS_DRIVER, `slots` how many documents are
    drawn at once (0: one per core plus one), each in a browser of its own; `fetcher` the only way to the network;
    without one every network asset is reported as blocked. The rest is as for Slot.
    """

    def __init__(
        self,
        *,
        chromium_binary: str | None = None,
        driver: DriverName | None = None,
        slots: int = 0,
        fetcher: AssetFetcher | None = None,
        recycle_after: int = RECYCLE_AFTER,
        recycle_above_bytes: int = RECYCLE_ABOVE_BYTES,
        on_restart: OnRestart = _ignore,
    ) -> None:
        self.slots = slots or usable_cores() + 1
        self.last_finished_at: float | None = None
        """When a document was last drawn or refused, by `time.monotonic`; None before the first."""
        self._fetcher = fetcher
        self.places = ConcurrencyLimit(self.slots + UPLOADS_BESIDE)
        """How many documents to bring at once; one that waits for its assets lends its place to another."""
        self._launcher = Launcher(chromium.find_chromium(chromium_binary), driver)
        self._all = [
            Worker(
                self._launcher,
                recycle_after=recycle_after,
                recycle_above_bytes=recycle_above_bytes,
                on_restart=on_restart,
            )
            for _ in range(self.slots)
        ]
        self._free: Pool[Worker] = Pool()
        self._others = self._all[1:]
        """Those that are opened once there is something to draw."""
        self._fonts: FontSet | None = None
        self._fingerprint: str | None = None
        self._background = BackgroundTasks()
        self._closed = False

    async def start(self) -> None:
        """Start the first browser and return once it has come up; it is warmed meanwhile, for the first document.

        Raises RenderError when it does not come up in three tries.
        """
        await asyncio.to_thread(remove_orphans)
        if self._closed:
            raise RenderError("renderer_crashed", "the renderer was closed while it started")
        first = self._all[0]
        opening = asyncio.create_task(first.open())
        opening.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._fonts = await asyncio.to_thread(read_fonts)
        came_up = asyncio.create_task(self._launcher.came_up.wait())
        await asyncio.wait((opening, came_up), return_when=asyncio.FIRST_COMPLETED)
        came_up.cancel()
        if opening.done():
            await opening
        self._fingerprint = f"{RENDERER_VERSION}-{self._launcher.version}-{self._fonts.version}"
        self._background.start(self._add(first))

    async def _add(self, slot: Worker) -> None:
        try:
            with contextlib.suppress(RenderError):  # the poster that gets this slot tries again, and has the error
                await slot.open()
        finally:
            self._free.add(slot)  # whatever came of it: posters wait for a slot without a limit

    def _open_others(self) -> None:
        """Open the other slots. They are not opened before: a worker's first poster waits for one browser only."""
        others, self._others = self._others, []
        for slot in others:
            self._background.start(self._add(slot))

    @property
    def healthy(self) -> bool:
        """Whether a browser is there to draw with."""
        return any(slot.browser for slot in self._all)

    @property
    def fingerprint(self) -> str:
        """Return what, beside the document, decides the pixels: our version, Chromium's, and the font set's."""
        if self._fingerprint is None:
            raise RuntimeError("the engine's fingerprint is known once it has started")
        return self._fingerprint

    async def render(self, request: RenderRequest) -> Rendering:
        """Draw one document and return its images. Waits for the assets that it names, then for a free slot.

        What was ended by a crash is drawn once more within the same deadline, because a neighbour may have caused it.
        Raises RenderError; the engine is ready for the next document whatever this one did.
        """
        supply = self._supply(request)
        allowance = Deadline(request.deadline_seconds)
        try:
            if supply is not None:
                with self.places.yielded():
                    await supply.prefetch(request.html)
            return await self._render(request, supply, allowance)
        finally:
            if supply is not None:
                supply.abandon()

    def _supply(self, request: RenderRequest) -> DocumentAssets | None:
        if self._fetcher is None or not (request.javascript or may_use_network(request.html)):
            return None
        return DocumentAssets(self._fetcher, request.deadline_seconds * ASSETS_SHARE, lambda: self._free.waiting > 0)

    async def _render(self, request: RenderRequest, supply: DocumentAssets | None, allowance: Deadline) -> Rendering:
        drawn = []
        for visit in request.visits():
            slot = await self._take_slot(request, allowance)
            drawn.append(await self._visit(slot, visit, supply, allowance))
        return self._rendering(request, drawn, waited=allowance.waited)

    async def _take_slot(self, request: RenderRequest, allowance: Deadline) -> Worker:
        """Wait for a slot, which is no part of a document's time. Raises RenderError once the engine is closed."""
        if self._others:
            asyncio.get_running_loop().call_later(FIRST_ALONE_SECONDS, self._open_others)
        with allowance.paused():
            slot = await self._free.acquire(urgent=request.urgent)
        if self._closed:
            # Nobody would end the browser that it starts.
            self._free.release(slot)
            raise RenderError("renderer_crashed", "the renderer was closed before the document was drawn")
        return slot

    async def _visit(
        self, slot: Worker, request: RenderRequest, supply: DocumentAssets | None, allowance: Deadline
    ) -> PageResult:
        """Draw what one visit of a page yields, in a slot that the caller has taken."""
        crashed = False
        while True:
            try:
                return await self._draw(slot, replace(request, deadline_seconds=allowance.left), supply)
            except AssetsLateError:
                with self.places.yielded():
                    await cast("DocumentAssets", supply).wait_idle()
            except RenderError as error:
                if error.code != "renderer_crashed" or allowance.left <= 0 or self._closed or crashed:
                    raise
                logger.warning("%s; it is drawn once more", error)
                crashed = True
            slot = await self._take_slot(request, allowance)

    async def _draw(self, slot: Worker, request: RenderRequest, supply: DocumentAssets | None) -> PageResult:
        """Draw one document, and see that its slot becomes free."""
        try:
            return await slot.draw(request, supply)
        finally:
            self.last_finished_at = time.monotonic()
            # Cleaning is no part of this document's time, but the slot is free only after it.
            self._background.start(self._clear(slot))

    async def _clear(self, slot: Worker) -> None:
        try:
            await slot.clear()
        finally:
            self._free.release(slot)

    async def close(self) -> None:
        """Wait for what is being drawn, then end the browsers and remove everything they wrote."""
        self._closed = True
        self._others = []
        await asyncio.gather(*(slot.close() for slot in self._all))
        await self._background.finish()

    def _rendering(self, request: RenderRequest, visits: list[PageResult], *, waited: float) -> Rendering:
        images = {image.name: image for drawn in visits for image in drawn.images}
        warnings = list(dict.fromkeys(warning for drawn in visits for warning in drawn.warnings))
        characters = "".join(drawn.characters for drawn in visits)
        missing = self._fonts.missing(characters) if self._fonts else ""
        if missing:
            named = " ".join(f"{character} (U+{ord(character):04X})" for character in missing[:20])
            warnings.append(outcomes.PosterWarning(code="missing_glyphs", message=f"no installed font draws: {named}"))
        timings = Timings(
            waited=waited,
            composed=sum(drawn.composed_seconds for drawn in visits),
            captured=sum(drawn.captured_seconds for drawn in visits),
        )
        return Rendering(
            images=[images[name] for name, _ in named_outputs(request.output)],
            usage=AssetUsage.of_all(drawn.usage for drawn in visits),
            warnings=warnings,
            timings=timings,
        )

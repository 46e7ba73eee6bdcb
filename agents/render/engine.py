"""The rendering engine: HTML in, image bytes out, whatever becomes of the browser."""

import asyncio
import logging
import os
import time
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, Final, cast

from agents.assets.port import AssetFetcher
from agents.render import chromium
from agents.render.allowance import Allowance
from agents.render.errors import RenderError
from agents.render.fonts import FontSet, read_fonts_apart
from agents.render.network import may_use_network
from agents.render.page import Drawn, Page
from agents.render.places import Places
from agents.render.pool import Pool
from agents.render.rendering import Rendering, RenderRequest, Timings, Usage
from agents.render.scratch import remove_orphans
from agents.render.slots import Slots
from agents.render.supply import AssetsLateError, Supply
from schemas import outcomes
from schemas.output import named_outputs
from streams.metrics import BROWSER_RESTARTS

log = logging.getLogger(__name__)

RENDERER_VERSION: Final = 4
"""Raised with every change that changes pixels: it is part of the input digest, and so of object keys."""
RECYCLE_AFTER: Final = 3_000
RECYCLE_ABOVE_BYTES: Final = 1_500_000_000
LAUNCHES: Final = 3
UPLOADS_BESIDE: Final = 4
"""Documents in hand beyond the pages: what comes after drawing overlaps the next one."""
ASSETS_SHARE: Final = 0.6
"""Of a document's time, for its assets altogether; then it is drawn without those that are missing."""


class Engine:
    """Chromium behind a fixed number of slots. It replaces crashed, hung and worn browsers on its own.

    `chromium_binary` is the setting POSTERS_CHROMIUM, `slots` how many documents are drawn at once (0: one per core
    plus one), `fetcher` the only way to the network; without one every network asset is reported as blocked.
    A browser is replaced after `recycle_after` documents, or above `recycle_above_bytes` of memory.
    """

    def __init__(
        self,
        *,
        chromium_binary: str | None = None,
        slots: int = 0,
        fetcher: AssetFetcher | None = None,
        recycle_after: int = RECYCLE_AFTER,
        recycle_above_bytes: int = RECYCLE_ABOVE_BYTES,
    ) -> None:
        self.slots = slots or (os.cpu_count() or 1) + 1
        self.last_finished_at: float | None = None
        """When a document was last drawn or refused, by `time.monotonic`; None before the first."""
        self._binary = chromium.find_chromium(chromium_binary)
        self._fetcher = fetcher
        self._recycle_after = recycle_after
        self._recycle_above_bytes = recycle_above_bytes
        self.places = Places(self.slots + UPLOADS_BESIDE)
        """How many documents to bring at once; one that waits for its assets lends its place to another."""
        self._permits = Slots(self.slots)
        self._fonts: FontSet | None = None
        self._pool: Pool | None = None
        self._opening: asyncio.Task[Pool] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def start(self) -> None:
        """Start the browser and warm every page. Raises RenderError when it does not come up in three tries."""
        await asyncio.to_thread(remove_orphans)
        fonts = asyncio.create_task(read_fonts_apart())
        try:
            await self._current_pool()
        finally:
            self._fonts = await fonts

    @property
    def healthy(self) -> bool:
        """Whether a browser is there to draw with."""
        return self._pool is not None and not self._pool.browser.gone.is_set()

    @property
    def fingerprint(self) -> str:
        """Return what, beside the document, decides the pixels: our version, Chromium's, and the font set's."""
        if self._pool is None or self._fonts is None:
            raise RuntimeError("the engine's fingerprint is known once it has started")
        return f"{RENDERER_VERSION}-{self._pool.browser.version}-{self._fonts.version}"

    async def render(self, request: RenderRequest) -> Rendering:
        """Draw one document and return its images. Waits for the assets that it names, then for a free slot.

        What was ended by a crash is drawn once more within the same deadline, because a neighbour may have caused it.
        Raises RenderError; the engine is ready for the next document whatever this one did.
        """
        supply = self._supply(request)
        allowance = Allowance(request.deadline_seconds)
        try:
            if supply is not None:
                with self.places.lent():
                    await supply.look_ahead(request.html)
            return await self._render(request, supply, allowance)
        finally:
            if supply is not None:
                supply.abandon()

    def _supply(self, request: RenderRequest) -> Supply | None:
        if self._fetcher is None or not (request.javascript or may_use_network(request.html)):
            return None
        return Supply(self._fetcher, request.deadline_seconds * ASSETS_SHARE, lambda: self._permits.waiting > 0)

    async def _render(self, request: RenderRequest, supply: Supply | None, allowance: Allowance) -> Rendering:
        drawn = []
        for visit in request.visits():
            await self._take_slot(request, allowance)
            drawn.append(await self._visit(visit, supply, allowance))
        return self._rendering(request, drawn, waited=allowance.waited)

    async def _take_slot(self, request: RenderRequest, allowance: Allowance) -> None:
        """Wait for a slot, which is no part of a document's time."""
        with allowance.stopped():
            await self._permits.acquire(urgent=request.urgent)

    async def _visit(self, request: RenderRequest, supply: Supply | None, allowance: Allowance) -> Drawn:
        """Draw what one visit of a page yields; the caller has taken the slot."""
        crashed = False
        while True:
            try:
                return await self._draw(replace(request, deadline_seconds=allowance.left), supply)
            except AssetsLateError:
                with self.places.lent():
                    await cast("Supply", supply).settle()
            except RenderError as error:
                if error.code != "renderer_crashed" or allowance.left <= 0 or self._closed or crashed:
                    raise
                log.warning("%s; it is drawn once more", error)
                crashed = True
            await self._take_slot(request, allowance)

    async def _draw(self, request: RenderRequest, supply: Supply | None) -> Drawn:
        """Draw one document in a slot that the caller has taken, and see that the slot becomes free."""
        try:
            pool = await self._current_pool()
            page = await pool.take(request)
        except BaseException:
            self._permits.release()
            raise
        usable = False
        try:
            drawn = await page.draw(request, supply)
            usable = True
        finally:
            self.last_finished_at = time.monotonic()
            # Cleaning is no part of this document's time, but the slot is free only after it.
            self._in_background(self._give_back(pool, page, usable=usable))
        return drawn

    async def close(self) -> None:
        """Wait for what is being drawn, then end the browser and remove everything it wrote."""
        self._closed = True
        if self._opening is not None:
            await asyncio.gather(self._opening, return_exceptions=True)
        if self._pool is not None:
            await self._pool.close()
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _rendering(self, request: RenderRequest, visits: list[Drawn], *, waited: float) -> Rendering:
        images = {image.name: image for drawn in visits for image in drawn.images}
        warnings = list(dict.fromkeys(warning for drawn in visits for warning in drawn.warnings))
        characters = "".join(drawn.characters for drawn in visits)
        missing = self._fonts.missing(characters) if self._fonts else ""
        if missing:
            named = " ".join(f"{character} (U+{ord(character):04X})" for character in missing[:20])
            warnings.append(outcomes.Warning(code="missing_glyphs", message=f"no installed font draws: {named}"))
        timings = Timings(
            waited=waited,
            composed=sum(drawn.composed_seconds for drawn in visits),
            captured=sum(drawn.captured_seconds for drawn in visits),
        )
        return Rendering(
            images=[images[name] for name, _ in named_outputs(request.output)],
            usage=Usage.of_all(drawn.usage for drawn in visits),
            warnings=warnings,
            timings=timings,
        )

    async def _current_pool(self) -> Pool:
        """Return the pool to draw with, opening one if there is none. Raises RenderError."""
        if self._pool is not None and not self._pool.browser.gone.is_set():
            return self._pool
        return await asyncio.shield(self._open_pool())

    def _open_pool(self) -> asyncio.Task[Pool]:
        """Begin to open the next pool, or join in waiting for it."""
        if self._opening is None or self._opening.done():
            self._opening = asyncio.create_task(self._replace_pool())
            self._opening.add_done_callback(lambda done: done.cancelled() or done.exception())
        return self._opening

    async def _replace_pool(self) -> Pool:
        """Open a pool and only then send the former one home."""
        former = self._pool
        for left in reversed(range(LAUNCHES)):
            try:
                pool = await Pool.open(self._binary, self.slots)
                break
            except RenderError as error:
                log.warning("%s", error)
                if not left:
                    raise
        self._pool = pool
        if former is not None:
            BROWSER_RESTARTS.labels("ended" if former.browser.gone.is_set() else "worn").inc()
            self._in_background(former.close())
        self._in_background(self._watch(pool))
        return pool

    async def _watch(self, pool: Pool) -> None:
        """Replace a pool whose browser ends while it is in use."""
        await pool.browser.gone.wait()
        if pool is self._pool and not self._closed:
            log.warning("the browser ended; starting another")
            self._open_pool()

    async def _give_back(self, pool: Pool, page: Page, *, usable: bool) -> None:
        try:
            await pool.give_back(page, usable=usable)
        finally:
            self._permits.release()
        if pool is self._pool and not self._closed and pool.is_worn(self._recycle_after, self._recycle_above_bytes):
            log.info("the browser has drawn %d documents; another takes over", pool.drawn)
            self._open_pool()

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

"""Rendering a poster compared with answering it from storage; both go the whole way through `PosterRenderer`.

That is template, browser and storage, without the broker. The S3 server is the one of the tests.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from agents.digest import input_digest
from agents.render.image_store import ImageStore
from agents.render.poster_renderer import PosterRenderer
from agents.render.template_sources import TemplateSource
from agents.sandbox import RetryingSandbox
from agents.storage.open_store import object_store
from bench.baselines.documents import DEADLINE_SECONDS, DOCUMENTS, OUTPUT, as_template, number
from bench.counts import Counts
from bench.delayed_store import DelayedStore
from bench.report.figures import median
from bench.report.results import Reused, Reuses
from renderer.engine import Engine
from renderer.sandbox.sandbox import TemplateSandbox
from schemas.renders import PosterPinned
from tests.parts import ObjectServer

TEMPLATE_VERSION = uuid4()
"""Every poster of a renderer has the same template."""


class Sources:
    """One template."""

    def __init__(self, html: str) -> None:
        self._source = TemplateSource(html, javascript=False)

    async def get(self, _: object) -> TemplateSource:
        """Return it."""
        return self._source


def poster(section: str) -> PosterPinned:
    """Return a poster unlike the others."""
    now = datetime.now(UTC)
    data = {"number": number()}
    return PosterPinned(
        event_id=uuid4(),
        occurred_at=now,
        requested_at=now,
        job_id="bench",
        poster_index=0,
        entity_id="1",
        template_version_id=TEMPLATE_VERSION,
        section=section,
        template_version=1,
        custom_data=data,
        output=OUTPUT,
        input_digest=input_digest(section, data, OUTPUT),
    )


@asynccontextmanager
async def stores() -> AsyncIterator[dict[str, str]]:
    """Give the address of a store of each kind, by its name."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory, ObjectServer(Path(directory) / "objects") as server:
        bucket = server.bucket()
        os.environ.update(bucket.environment)
        yield {"S3": bucket.storage_url, "files": f"file://{directory}/files"}


@asynccontextmanager
async def maker(engine: Engine, html: str, address: str, delay_seconds: float = 0.0) -> AsyncIterator[PosterRenderer]:
    """Give a renderer of a document that stores posters at this address, with a delay for each request."""
    store = object_store(address)
    sandbox = RetryingSandbox(TemplateSandbox())
    await asyncio.gather(store.open(), sandbox.start())
    try:
        sources = cast("Any", Sources(as_template(html)))
        images = ImageStore(
            store=cast("Any", DelayedStore(store, delay_seconds)) if delay_seconds else store, public_url=None
        )
        yield PosterRenderer(engine, sources, sandbox, images, timeout=DEADLINE_SECONDS, clock=time.monotonic)
    finally:
        await sandbox.close()
        await store.close()


async def measure(counts: Counts) -> Reuses:
    """Measure both stores with both documents."""
    engine = Engine()
    await engine.start()
    measured: dict[str, dict[str, Reused]] = {}
    async with stores() as addresses:
        for kind, address in addresses.items():
            for name, html in DOCUMENTS.items():
                async with maker(engine, html, address) as renderer:
                    measured.setdefault(kind, {})[name] = await _both(renderer, name, counts.few)
    await engine.close()
    return Reuses(stores=measured)


async def _both(renderer: PosterRenderer, section: str, count: int) -> Reused:
    posters = [poster(section) for _ in range(count)]
    rendered = await _median_ms(renderer, posters, cached=False)
    stored = await _median_ms(renderer, posters * 5, cached=True)
    return Reused(rendered_ms=rendered, stored_ms=stored)


async def _median_ms(renderer: PosterRenderer, posters: Iterable[PosterPinned], *, cached: bool) -> float:
    times = []
    for each in posters:
        began = time.perf_counter()
        made = await renderer.render(each)
        times.append((time.perf_counter() - began) * 1000)
        assert made.cached is cached
    return median(times)

"""Compare rendering a poster with answering it from what is kept, in one run on this machine.

Run: python -m bench.reuse [posters]. Both go the whole way through `Making`: template, browser, storage. The S3 server
is the one of the tests.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from agents.digest import input_digest
from agents.render.engine import Engine
from agents.render.making import Making, Shelf
from agents.render.template import Template
from agents.storage.open_store import object_store
from bench.engine import DOCUMENTS, OUTPUT
from schemas.renders import PosterPinned
from tests.parts import ObjectServer


class Sources:
    """One template, compiled once."""

    def __init__(self, html: str) -> None:
        self._template = Template(html)

    async def get(self, _: object) -> tuple[Template, bool]:
        """Return it."""
        return self._template, False


def poster(number: int) -> PosterPinned:
    """Return a poster unlike the others."""
    now = datetime.now(UTC)
    data = {"number": number}
    return PosterPinned(
        event_id=uuid4(),
        occurred_at=now,
        requested_at=now,
        job_id="bench",
        poster_index=0,
        entity_id="1",
        template_version_id=uuid4(),
        section="bench",
        template_version=1,
        custom_data=data,
        output=OUTPUT,
        input_digest=input_digest("bench", data, OUTPUT),
    )


async def median_ms(making: Making, posters: list[PosterPinned], *, cached: bool) -> float:
    """Return the median time of posters made one after the other."""
    times = []
    for each in posters:
        started = time.perf_counter()
        made = await making.make(each)
        times.append((time.perf_counter() - started) * 1000)
        assert made.cached is cached
    return statistics.median(times)


async def main(count: int) -> None:
    """Print both times for each document and store, and how many times faster the kept one is."""
    engine = Engine()
    await engine.start()
    with tempfile.TemporaryDirectory() as directory, ObjectServer(Path(directory) / "objects") as server:
        bucket = server.bucket()
        os.environ.update(bucket.environment)
        for address in (f"file://{directory}/files", bucket.storage_url):
            store = object_store(address)
            await store.open()
            for name, html in DOCUMENTS.items():
                sources = cast("Any", Sources(html.replace("{number}", "{{ number }}")))
                making = Making(engine, sources, Shelf(store=store, public_url=None), timeout=15, clock=time.monotonic)
                posters = [replace(poster(number), section=name) for number in range(count)]
                rendered = await median_ms(making, posters, cached=False)
                kept = await median_ms(making, posters * 5, cached=True)
                kind = address.partition(":")[0]
                print(
                    f"{name:7} {kind:4} rendered {rendered:6.1f} ms  kept {kept:5.2f} ms  {rendered / kept:.0f} times"
                )
            await store.close()
    await engine.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 30))

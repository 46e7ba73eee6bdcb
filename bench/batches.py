"""How long single posters take while a large batch of another site is accepted, compared with an idle system."""

import asyncio
import threading
import time
from typing import Final

from bench.baselines.documents import DOCUMENTS
from bench.counts import Counts
from bench.report.results import Batches
from bench.site import Site, running_site
from schemas import topics

WARM_UP: Final = 30
IDLE: Final = 60
"""Single posters of a round while nothing else is asked for."""


async def measure(counts: Counts) -> Batches:
    """Measure in a new system each round, because the batch takes minutes to be drawn."""
    idle, beside, seconds = list[float](), list[float](), list[float]()
    for _ in range(counts.rounds):
        async with running_site() as site:
            await asyncio.to_thread(_round, site, counts, idle, beside, seconds)
    return Batches(posters=counts.batch, idle_ms=idle, beside_ms=beside, seconds=seconds)


def _round(site: Site, counts: Counts, idle: list[float], beside: list[float], seconds: list[float]) -> None:
    template = site.upload(DOCUMENTS["simple"])
    site.times_ms(template, WARM_UP)
    idle += site.times_ms(template, min(IDLE, counts.singles))
    accepted = threading.Event()
    with site.records(topics.POSTER_RENDERS_BULK) as records, site.completions() as completions:
        began = time.perf_counter()
        asking = threading.Thread(target=site.ask_batches, args=(template, counts.batch))
        asking.start()

        def wait_until_accepted() -> None:
            for _ in range(counts.batch):
                next(records)
            seconds.append(time.perf_counter() - began)
            accepted.set()

        waiting = threading.Thread(target=wait_until_accepted)
        waiting.start()
        while not accepted.is_set():
            asked = time.perf_counter()
            next(site.all_of(site.ask([template]), completions))
            beside.append((time.perf_counter() - asked) * 1000)
        asking.join()
        waiting.join()

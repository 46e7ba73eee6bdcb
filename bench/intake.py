"""How many posters a second one intake process takes."""

import asyncio
import time

from bench.counts import Counts
from bench.report.figures import rate
from bench.report.results import Intake
from bench.site import Site, running_site
from schemas import topics


async def measure(counts: Counts) -> Intake:
    """Measure what is requested one by one, then what comes in batches; the times are those of what intake writes."""
    async with running_site(["templates", "intake"]) as site:
        template = await asyncio.to_thread(site.upload, "<p>{number}</p>")
        singles = await asyncio.to_thread(_singles, site, template, counts.requests)
        batched = await asyncio.to_thread(_batched, site, template, counts.requests)
    return Intake(requests=counts.requests, rate=singles, batched_rate=batched)


def _singles(site: Site, template: str, posters: int) -> float:
    """Start intake before a backlog, which is more than it takes at a time."""
    site.stop("intake")
    site.ask([template] * posters)
    with site.records(topics.POSTER_RENDERS) as records:
        site.start("intake")
        return rate([next(records)[1] for _ in range(posters)])


def _batched(site: Site, template: str, posters: int) -> float:
    """Ask a running intake, from the first request on: it writes a batch all at once, when it has worked on it."""
    with site.records(topics.POSTER_RENDERS_BULK) as records:
        began = time.time()
        site.ask_batches(template, posters)
        return posters / (max(next(records)[1] for _ in range(posters)) - began)

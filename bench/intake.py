"""How many single-poster requests a second one intake process takes."""

import asyncio

from bench.counts import Counts
from bench.figures import rate
from bench.results import Intake
from bench.site import Site, running_site
from schemas import topics


async def measure(counts: Counts) -> Intake:
    """Start it before a backlog of requests; the times are the broker's of what it writes to the render topic."""
    async with running_site(["templates", "intake"]) as site:
        return Intake(requests=counts.requests, rate=await asyncio.to_thread(_rate, site, counts.requests))


def _rate(site: Site, requests: int) -> float:
    template = site.upload("<p>{number}</p>")
    site.stop("intake")
    site.ask([template] * requests)
    with site.records(topics.POSTER_RENDERS) as records:
        site.start("intake")
        return rate([next(records)[1] for _ in range(requests)])

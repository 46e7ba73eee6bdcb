"""Start-up time: from a worker's start to its first poster, whose request waits already."""

import asyncio
import time

from bench.baselines.documents import DOCUMENTS
from bench.counts import Counts
from bench.report.results import Starts
from bench.site import Site, running_site
from schemas import topics
from streams.topics import ROLES


async def measure(counts: Counts) -> Starts:
    """Start a render worker beside the other roles, then a worker that has all of them, several times each."""
    async with running_site() as site:
        template = await asyncio.to_thread(site.upload, DOCUMENTS["rich"])
        await asyncio.to_thread(site.backlog, template, 2)
        render = [await asyncio.to_thread(_render, site, template) for _ in range(counts.starts)]
        await asyncio.to_thread(site.wait_until_done)
        site.stop(*ROLES)
        worker = [await asyncio.to_thread(_worker, site, template) for _ in range(counts.starts)]
    return Starts(worker=worker, render=render)


def _render(site: Site, template: str) -> float:
    """Return the seconds of a render worker's start; the poster's render event is there before."""
    site.stop("render")
    with site.completions() as completions, site.records(topics.POSTER_RENDERS) as pinned:
        wanted = site.ask([template])
        next(pinned)
        began = time.perf_counter()
        site.start("render")
        next(site.all_of(wanted, completions))
        return time.perf_counter() - began


def _worker(site: Site, template: str) -> float:
    """Return the seconds of the start of all roles in one process; the request is there before."""
    with site.completions() as completions:
        wanted = site.ask([template])
        began = time.perf_counter()
        site.start("worker", [])
        next(site.all_of(wanted, completions))
        seconds = time.perf_counter() - began
    site.wait_until_done()
    site.stop("worker")
    return seconds

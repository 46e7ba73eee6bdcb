"""All roles in one process compared with a process for each role: backlogs of both documents, in turns."""

import asyncio
from typing import Final

from bench.baselines.documents import DOCUMENTS
from bench.counts import Counts
from bench.report.results import Processes
from bench.site import Site, running_site
from streams.topics import ROLES

WARM_UP: Final = 100


async def measure(counts: Counts) -> Processes:
    """Measure both documents with each way to run the roles; every round starts its workers anew."""
    separate: dict[str, list[float]] = {name: [] for name in DOCUMENTS}
    one: dict[str, list[float]] = {name: [] for name in DOCUMENTS}
    async with running_site([]) as site:
        site.restart(ROLES)
        templates = {name: await asyncio.to_thread(site.upload, html) for name, html in DOCUMENTS.items()}
        for number in range(counts.rounds):
            turns = [(ROLES, separate), ((), one)]
            for roles, rates in turns if number % 2 == 0 else turns[::-1]:
                _restart(site, roles)
                for name, template in templates.items():
                    rates[name].append(await asyncio.to_thread(_rate, site, template, counts.posters))
    return Processes(posters=counts.posters, separate=separate, one=one)


def _restart(site: Site, roles: tuple[str, ...]) -> None:
    site.restart(roles)
    if not roles:
        site.start("worker", [])


def _rate(site: Site, template: str, posters: int) -> float:
    site.backlog(template, min(WARM_UP, posters))
    site.wait_until_done()
    rate = site.backlog(template, posters).between
    site.wait_until_done()
    return rate

"""What the guards cost while nothing goes wrong: those against faults, and the fair shares between sources.

Processor time, because the machine's cores are what a backlog waits for, and because it is steadier than the clock.
"""

import asyncio
from typing import Final

from bench.baselines.documents import DOCUMENTS
from bench.counts import Counts
from bench.engine import processor_seconds
from bench.report.results import Guards
from bench.site import Site, running_site
from streams.topics import ROLES

WARM_UP: Final = 30
WITH: Final = "posters"
WITHOUT: Final = "bench.unguarded"
ONE: Final = ("site-1",)
FOUR: Final = ("site-1", "site-2", "site-3", "site-4")


async def measure(counts: Counts) -> Guards:
    """Run a backlog of simple posters, where the guards weigh most, on workers of each kind in turns."""
    guards = Guards(posters=counts.posters, python=[], python_without=[], everything=[], everything_without=[])
    lists = {
        WITH: (guards.python, guards.everything),
        WITHOUT: (guards.python_without, guards.everything_without),
    }
    async with running_site() as site:
        template = await asyncio.to_thread(site.upload, DOCUMENTS["simple"])
        for _ in range(counts.rounds):
            for module, (python, everything) in lists.items():
                site.close()
                for role in ROLES:
                    site.start(role, module=module)
                own, all_of_it = await asyncio.to_thread(_poster_ms, site, template, counts.posters)
                python.append(own)
                everything.append(all_of_it)
                if module == WITH:
                    for sources, rates in ((ONE, guards.one_source), (FOUR, guards.four_sources)):
                        backlog = await asyncio.to_thread(site.backlog, template, counts.posters, sources)
                        rates.append(backlog.whole)
    return guards


def _poster_ms(site: Site, template: str, posters: int) -> tuple[float, float]:
    """Return milliseconds of processor time a poster: the roles' own processes, and all that belongs to them."""
    site.backlog(template, WARM_UP)
    site.wait_until_done()
    before = _used(site)
    site.backlog(template, posters)
    site.wait_until_done()
    own, everything = ((now - then) / posters * 1000 for now, then in zip(_used(site), before, strict=True))
    return own, everything


def _used(site: Site) -> tuple[float, float]:
    processes = [site.process(role) for role in ROLES]
    return (
        sum(processor_seconds(each, below=False) for each in processes),
        sum(processor_seconds(each) for each in processes),
    )

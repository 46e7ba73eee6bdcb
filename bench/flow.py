"""The whole way, from request to completion received, against bare Chromium with the same documents, in turns."""

import asyncio

from bench.bare import SLOTS, Bare, drawn_alone, drawn_together
from bench.counts import Counts
from bench.documents import DOCUMENTS
from bench.results import Flow, Rounds
from bench.site import Site, running_site

WARM_UP = 100


async def measure(counts: Counts) -> Flow:
    """Measure both documents."""
    async with running_site() as site:
        documents = {name: await _rounds(site, html, counts) for name, html in DOCUMENTS.items()}
    return Flow(posters=counts.posters, documents=documents)


async def _rounds(site: Site, html: str, counts: Counts) -> Rounds:
    template = await asyncio.to_thread(site.upload, html)
    await asyncio.to_thread(site.backlog, template, WARM_UP)
    rounds = Rounds(bare_rates=[], rates=[], bare_ms=[], ms=[])
    singles = max(1, counts.singles // counts.rounds)
    for _ in range(counts.rounds):
        async with Bare() as bare:
            await drawn_together(bare.draw, html, WARM_UP, SLOTS)
            rounds.bare_rates.append(await drawn_together(bare.draw, html, counts.posters, SLOTS))
            rounds.bare_ms.extend(await drawn_alone(bare.draw, html, singles))
        rounds.rates.append(await asyncio.to_thread(site.backlog, template, counts.posters))
        await asyncio.to_thread(site.settle)
        rounds.ms.extend(await asyncio.to_thread(site.times_ms, template, singles))
        await asyncio.to_thread(site.settle)
    return rounds

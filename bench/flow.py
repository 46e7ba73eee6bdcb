"""End-to-end throughput and latency, compared with both baselines on the same documents, in turns."""

import asyncio
from typing import Final

from bench.baselines.documents import DOCUMENTS
from bench.baselines.drawing import SLOTS, Draw, Drawn, drawn, drawn_alone, drawn_together
from bench.baselines.pipe_chromium import PipeChromium
from bench.baselines.playwright_chromium import PlaywrightChromium
from bench.counts import Counts
from bench.report.results import Flow, Rounds
from bench.site import Site, running_site
from streams.topics import ROLES

WARM_UP: Final = 100
FIRST: Final = 100
"""Single posters after a start of every role that are judged on their own: what is cold then shows in them."""


async def measure(counts: Counts) -> Flow:
    """Measure both documents."""
    async with running_site() as site:
        documents = {name: await _rounds(site, html, counts) for name, html in DOCUMENTS.items()}
    return Flow(posters=counts.posters, documents=documents)


async def _rounds(site: Site, html: str, counts: Counts) -> Rounds:
    template = await asyncio.to_thread(site.upload, html)
    warm_up = min(WARM_UP, counts.posters)
    await asyncio.to_thread(site.backlog, template, warm_up)
    rounds = Rounds(rates=[], ms=[], playwright_rates=[], playwright_ms=[])
    singles = max(1, counts.singles // counts.rounds)
    for _ in range(counts.rounds):
        async with PlaywrightChromium() as by_playwright:
            rates, times = await _baseline(by_playwright.draw, html, counts.posters, singles)
            rounds.playwright_rates.append(rates.between)
            rounds.playwright_whole_rates.append(rates.whole)
            rounds.playwright_ms.extend(times)
        async with PipeChromium() as over_pipe:
            rates, times = await _baseline(over_pipe.draw, html, counts.posters, singles)
            rounds.pipe_rates.append(rates.between)
            rounds.pipe_whole_rates.append(rates.whole)
            rounds.pipe_ms.extend(times)
        backlog = await asyncio.to_thread(site.backlog, template, counts.posters)
        rounds.rates.append(backlog.between)
        rounds.whole_rates.append(backlog.whole)
        await asyncio.to_thread(site.wait_until_done)
        rounds.ms.extend(await asyncio.to_thread(site.times_ms, template, singles))
        await asyncio.to_thread(site.wait_until_done)
    rounds.first_ms.extend(await asyncio.to_thread(_first, site, template, min(FIRST, counts.singles)))
    return rounds


async def _baseline(draw: Draw, html: str, posters: int, singles: int) -> tuple[Drawn, list[float]]:
    """Return the rates of a baseline that is warm, and the times of single posters."""
    await drawn_together(draw, html, min(WARM_UP, posters), SLOTS)
    return await drawn(draw, html, posters, SLOTS), await drawn_alone(draw, html, singles)


def _first(site: Site, template: str, count: int) -> list[float]:
    """Return the times of single posters after a start of every role; the very first one waits for the start itself."""
    site.restart(ROLES)
    site.times_ms(template, 1)
    times = site.times_ms(template, count)
    site.wait_until_done()
    return times

"""End-to-end throughput and latency, compared with both baselines on the same documents, in turns."""

import asyncio

from bench.baselines.documents import DOCUMENTS
from bench.baselines.drawing import SLOTS, Draw, drawn_alone, drawn_together
from bench.baselines.pipe_chromium import PipeChromium
from bench.baselines.playwright_chromium import PlaywrightChromium
from bench.counts import Counts
from bench.report.results import Flow, Rounds
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
    rounds = Rounds(rates=[], ms=[], playwright_rates=[], playwright_ms=[], pipe_rates=[], pipe_ms=[])
    singles = max(1, counts.singles // counts.rounds)
    for _ in range(counts.rounds):
        async with PlaywrightChromium() as by_playwright:
            rate, times = await _baseline(by_playwright.draw, html, counts.posters, singles)
            rounds.playwright_rates.append(rate)
            rounds.playwright_ms.extend(times)
        async with PipeChromium() as over_pipe:
            rate, times = await _baseline(over_pipe.draw, html, counts.posters, singles)
            rounds.pipe_rates.append(rate)
            rounds.pipe_ms.extend(times)
        rounds.rates.append(await asyncio.to_thread(site.backlog, template, counts.posters))
        await asyncio.to_thread(site.wait_until_done)
        rounds.ms.extend(await asyncio.to_thread(site.times_ms, template, singles))
        await asyncio.to_thread(site.wait_until_done)
    return rounds


async def _baseline(draw: Draw, html: str, posters: int, singles: int) -> tuple[float, list[float]]:
    """Return the rate of a baseline that is warm, and the times of single posters."""
    await drawn_together(draw, html, WARM_UP, SLOTS)
    return await drawn_together(draw, html, posters, SLOTS), await drawn_alone(draw, html, singles)

"""Alternatives behind our choices: slots, frames on demand, the encoder, reuse of pages, concurrent uploads.

Alternatives take turns within a round, and a figure is the median of its rounds.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar, get_args
from unittest.mock import patch

from agents.render.poster_renderer import PosterRenderer
from bench.baselines.documents import DOCUMENTS, filled
from bench.baselines.drawing import SLOTS, drawn_alone, drawn_in_all
from bench.baselines.playwright_chromium import Encoder, PlaywrightChromium, Reuse
from bench.counts import Counts
from bench.engine import by_engine
from bench.report.figures import median
from bench.report.results import Choices, Encoded
from bench.reuse import maker, poster, stores
from renderer.browser import chromium
from renderer.engine import Engine

T = TypeVar("T")
SLOTS_TRIED: Final = (1, 2, 3, 4)
ASKED_FOR: Final = "asked for"
BESIDE_TRIED: Final = (0, 2, 4)
"""Posters in flight beyond the pages; with 0 a page stands idle while its poster is uploaded."""
DELAYS_SECONDS: Final = (0.0, 0.1)
"""Seconds added to each request to the S3 server: a poster takes two requests."""


async def measure(counts: Counts) -> Choices:
    """Measure every alternative with both documents."""
    return Choices(
        slots={name: await _slots(html, counts) for name, html in DOCUMENTS.items()},
        frames={name: await _frames(html, counts) for name, html in DOCUMENTS.items()},
        encoders={name: await _encoders(html, counts) for name, html in DOCUMENTS.items()},
        pages={name: await _pages(html, counts) for name, html in DOCUMENTS.items()},
        uploads={
            f"{name}, {round(seconds * 1000)} ms": await _uploads(name, html, seconds, counts)
            for name, html in DOCUMENTS.items()
            for seconds in DELAYS_SECONDS
        },
    )


async def in_turns(alternatives: Sequence[T], rounds: int, measured: Callable[[T], Awaitable[float]]) -> dict[T, float]:
    """Return the median of each alternative's rounds."""
    figures: dict[T, list[float]] = {each: [] for each in alternatives}
    for _ in range(rounds):
        for each in alternatives:
            figures[each].append(await measured(each))
    return {each: median(values) for each, values in figures.items()}


async def _slots(html: str, counts: Counts) -> dict[str, float]:
    async def together(slots: int) -> float:
        return await _rate(Engine(concurrency=slots), html, counts.few)

    return {str(slots): rate for slots, rate in (await in_turns(SLOTS_TRIED, counts.rounds, together)).items()}


async def _frames(html: str, counts: Counts) -> dict[str, float]:
    flags = chromium.ON_DEMAND

    async def together(way: str) -> float:
        with patch.object(chromium, "ON_DEMAND", flags if way == ASKED_FOR else ()):
            return await _rate(Engine(), html, counts.few)

    return await in_turns((ASKED_FOR, "of its own accord"), counts.rounds, together)


async def _rate(engine: Engine, html: str, count: int) -> float:
    """Return posters a second with every slot busy, once all of them are there."""
    await engine.start()
    draw = by_engine(engine)
    await drawn_in_all(draw, html, engine.concurrency * 4, engine.concurrency)
    rate = await drawn_in_all(draw, html, count, engine.concurrency)
    await engine.close()
    return rate


async def _encoders(html: str, counts: Counts) -> dict[str, Encoded]:
    async def alone(encoder: Encoder) -> float:
        async with PlaywrightChromium(1, encoder=encoder) as pages:
            await pages.draw(filled(html))
            return median(await drawn_alone(pages.draw, html, max(2, counts.few // 3)))

    async def together(encoder: Encoder) -> float:
        async with PlaywrightChromium(encoder=encoder) as pages:
            return await drawn_in_all(pages.draw, html, counts.few, SLOTS)

    encoders: tuple[Encoder, ...] = get_args(Encoder)
    times = await in_turns(encoders, counts.rounds, alone)
    rates = await in_turns(encoders, counts.rounds, together)
    sizes = {each: await _size(html, each) for each in encoders}
    return {each: Encoded(ms=times[each], rate=rates[each], size=sizes[each]) for each in encoders}


async def _size(html: str, encoder: Encoder) -> int:
    async with PlaywrightChromium(1, encoder=encoder) as pages:
        return len(await pages.draw(filled(html)))


async def _pages(html: str, counts: Counts) -> dict[str, float]:
    async def together(reuse: Reuse) -> float:
        async with PlaywrightChromium(reuse=reuse) as pages:
            return await drawn_in_all(pages.draw, html, counts.few, SLOTS)

    ways: tuple[Reuse, ...] = get_args(Reuse)
    rates = await in_turns(ways, counts.rounds, together)
    return {str(way): rate for way, rate in rates.items()}


async def _uploads(name: str, html: str, delay_seconds: float, counts: Counts) -> dict[str, float]:
    engine = Engine()
    await engine.start()
    async with stores() as addresses, maker(engine, html, addresses["S3"], delay_seconds) as renderer:

        async def together(beside: int) -> float:
            return await _made_together(renderer, name, counts.few, engine.concurrency + beside)

        rates = await in_turns(BESIDE_TRIED, counts.rounds, together)
    await engine.close()
    return {str(beside): rate for beside, rate in rates.items()}


async def _made_together(renderer: PosterRenderer, section: str, count: int, at_once: int) -> float:
    async def make(_: str) -> bytes:
        await renderer.render(poster(section))
        return b""

    return await drawn_in_all(make, "", count, at_once)

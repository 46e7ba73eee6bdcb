"""Measure a way to draw a document: posters a second with every slot busy, and the time of each alone."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from bench.baselines.documents import filled
from bench.report.figures import rate
from renderer.cores import usable_cores

SLOTS: Final = usable_cores() + 1
Draw = Callable[[str], Awaitable[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Posters a second with every slot busy: between the first one finished and the last, and from the beginning."""

    between: float
    whole: float


async def drawn(draw: Draw, html: str, count: int, slots: int) -> Drawn:
    """Draw this many and return both rates of them."""
    moments = await _moments(draw, html, count, slots)
    return Drawn(between=rate(moments[1:]), whole=rate(moments))


async def drawn_together(draw: Draw, html: str, count: int, slots: int) -> float:
    """Return posters a second with every slot busy, between the first one finished and the last."""
    return rate((await _moments(draw, html, count, slots))[1:])


async def drawn_in_all(draw: Draw, html: str, count: int, slots: int) -> float:
    """Return posters a second from the beginning to the last one, so that other numbers of slots compare."""
    return rate(await _moments(draw, html, count, slots))


async def _moments(draw: Draw, html: str, count: int, slots: int) -> list[float]:
    """Return when it began, and when each poster was finished."""
    queue = iter(range(count))
    moments = [time.perf_counter()]

    async def work() -> None:
        for _ in queue:
            await draw(filled(html))
            moments.append(time.perf_counter())

    await asyncio.gather(*(work() for _ in range(slots)))
    return moments


async def drawn_alone(draw: Draw, html: str, count: int) -> list[float]:
    """Return the time of each of `count` posters drawn one after the other, in milliseconds."""
    times = []
    for _ in range(count):
        document = filled(html)
        began = time.perf_counter()
        await draw(document)
        times.append((time.perf_counter() - began) * 1000)
    return times

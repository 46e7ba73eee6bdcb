"""Compare the rendering engine with bare Chromium on the same documents, in turns, on this machine.

Run: python -m bench.engine [posters a round] [rounds]. Bare means Playwright with reused pages, `set_content` and a
PNG-for-speed capture through CDP, and nothing else: no readiness, no reports, no deadlines.
"""

import asyncio
import base64
import contextlib
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
from playwright.async_api import CDPSession, Page, async_playwright

from agents.render.chromium import find_chromium
from agents.render.engine import Engine
from agents.render.rendering import RenderRequest
from schemas.output import Output, resolve_output

DOCUMENTS = {name: (Path(__file__).parent / f"{name}.html").read_text() for name in ("simple", "rich")}
OUTPUT = resolve_output(Output())
Draw = Callable[[str], Awaitable[bytes]]


class Bare:
    """Chromium behind Playwright, driven in the fastest way that draws a document at all."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._pages: asyncio.Queue[tuple[Page, CDPSession]] = asyncio.Queue()

    async def start(self) -> None:
        """Start a browser with a page for each slot."""
        self._driver = await async_playwright().start()
        self._browser = await self._driver.chromium.launch(
            executable_path=find_chromium(None), args=["--font-render-hinting=none"]
        )
        for _ in range(self._slots):
            context = await self._browser.new_context(
                java_script_enabled=False, viewport={"width": OUTPUT.width or 0, "height": OUTPUT.height or 0}
            )
            page = await context.new_page()
            await self._pages.put((page, await context.new_cdp_session(page)))

    async def draw(self, html: str) -> bytes:
        """Draw one document."""
        page, session = await self._pages.get()
        await session.send("Page.stopLoading")
        await page.set_content(html)
        picture = await session.send("Page.captureScreenshot", {"format": "png", "optimizeForSpeed": True})
        await self._pages.put((page, session))
        return base64.b64decode(picture["data"])

    async def close(self) -> None:
        """End the browser."""
        await self._browser.close()
        await self._driver.stop()


def processor_seconds() -> float:
    """Return the processor time of this process and all below it, from the start of each."""
    total = 0.0
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


async def throughput(draw: Draw, html: str, count: int, slots: int) -> float:
    """Return posters a second with every slot busy."""
    queue = iter(range(count))

    async def work() -> None:
        for number in queue:
            await draw(html.replace("{number}", str(number)))

    started = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(slots)))
    return count / (time.perf_counter() - started)


async def latency_ms(draw: Draw, html: str, count: int) -> float:
    """Return the median time of posters drawn one at a time, in milliseconds."""
    times = []
    for number in range(count):
        started = time.perf_counter()
        await draw(html.replace("{number}", str(number)))
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


async def main(count: int, rounds: int) -> None:
    """Print what both ways achieve for each document, and the median of the rounds' ratios."""
    engine = Engine()
    bare = Bare(engine.slots)
    await engine.start()
    await bare.start()

    async def by_engine(html: str) -> bytes:
        return (await engine.render(RenderRequest(html=html, output=OUTPUT))).images[0].data

    print(f"{engine.slots} slots, {rounds} rounds of {count} posters in turns, medians")
    for name, html in DOCUMENTS.items():
        rows: dict[str, list[list[float]]] = {}
        for _ in range(rounds):
            for way, draw in enumerate((bare.draw, by_engine)):
                used = processor_seconds()
                rate = await throughput(draw, html, count, engine.slots)
                processor = (processor_seconds() - used) / count * 1000
                alone = await latency_ms(draw, html, max(5, count // 4))
                for unit, figure in (("posters/s together", rate), ("ms alone", alone), ("ms processor", processor)):
                    rows.setdefault(unit, [[], []])[way].append(figure)
        for unit, figures in rows.items():
            plain, ours = (statistics.median(way) for way in figures)
            ratio = statistics.median(b / a for a, b in zip(*figures, strict=True))
            print(f"{name:7} bare {plain:7.1f}  engine {ours:7.1f}  ratio {ratio:.2f}  {unit}")
    await bare.close()
    await engine.close()


if __name__ == "__main__":
    asyncio.run(main(*(int(argument) for argument in (sys.argv[1:] + ["40", "5"][len(sys.argv) - 1 :]))))

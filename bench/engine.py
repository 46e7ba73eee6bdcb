"""Compare the rendering engine with both baselines on the same documents, in turns, on this machine.

Run: python -m bench.engine [posters a round] [rounds].
"""

import asyncio
import contextlib
import sys

import psutil

from bench.baselines.documents import DEADLINE_SECONDS, DOCUMENTS, OUTPUT
from bench.baselines.drawing import Draw, drawn_alone, drawn_together
from bench.baselines.pipe_chromium import PipeChromium
from bench.baselines.playwright_chromium import PlaywrightChromium
from bench.report.figures import median, ratio
from renderer.engine import Engine
from renderer.rendering import RenderRequest


def by_engine(engine: Engine) -> Draw:
    """Return how the engine draws a document."""

    async def draw(html: str) -> bytes:
        return (
            (await engine.render(RenderRequest(html=html, output=OUTPUT, deadline_seconds=DEADLINE_SECONDS)))
            .images[0]
            .data
        )

    return draw


def processor_seconds(process: psutil.Process, *, below: bool = True) -> float:
    """Return the processor time of a process and, if wanted, of all below it, from the start of each."""
    total = 0.0
    for each in (process, *(process.children(recursive=True) if below else [])):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            total += times.user + times.system
    return total


async def one_round(draw: Draw, html: str, count: int, slots: int) -> dict[str, float]:
    """Return what one way achieves in one round."""
    used = processor_seconds(psutil.Process())
    together = await drawn_together(draw, html, count, slots)
    processor = (processor_seconds(psutil.Process()) - used) / count * 1000
    alone = median(await drawn_alone(draw, html, max(5, count // 4)))
    return {"posters/s together": together, "ms alone": alone, "ms processor": processor}


async def main(count: int, rounds: int) -> None:
    """Print what each way achieves for each document, and the medians of the rounds' ratios."""
    engine = Engine()
    await engine.start()
    async with PlaywrightChromium(engine.concurrency) as by_playwright, PipeChromium(engine.concurrency) as over_pipe:
        ways = {"Playwright": by_playwright.draw, "pipe": over_pipe.draw, "engine": by_engine(engine)}
        print(f"{engine.concurrency} slots, {rounds} rounds of {count} posters in turns, medians")
        for name, html in DOCUMENTS.items():
            turns = [
                {way: await one_round(draw, html, count, engine.concurrency) for way, draw in ways.items()}
                for _ in range(rounds)
            ]
            for unit in turns[0]["engine"]:
                found = {way: [turn[way][unit] for turn in turns] for way in ways}
                medians = "  ".join(f"{way} {median(values):7.1f}" for way, values in found.items())
                ratios = " ".join(f"{ratio(found['engine'], found[way]):.2f}" for way in ("Playwright", "pipe"))
                print(f"{name:7} {medians}  engine by each {ratios}  {unit}")
    await engine.close()


if __name__ == "__main__":
    asyncio.run(main(*(int(argument) for argument in (sys.argv[1:] + ["40", "5"][len(sys.argv) - 1 :]))))

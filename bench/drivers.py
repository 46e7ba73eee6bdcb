"""The engine over the pipe against the engine over Playwright, in turns: what Playwright's driver costs.

Each round of each driver is a process of its own (`python -m bench.drivers DRIVER SIMPLE RICH`), so that neither holds
the modules of the other in memory.
"""

import asyncio
import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import Final, cast, get_args

import msgspec
import psutil

from bench.baselines.documents import DOCUMENTS, filled
from bench.baselines.drawing import SLOTS, drawn_in_all
from bench.counts import Counts
from bench.engine import by_engine, processor_seconds
from bench.memory import MB, proportional_bytes
from bench.report.results import DriverRound, Drivers
from renderer.browser.browser import Browser
from renderer.browser.chromium import find_chromium
from renderer.browser.driver import DriverName
from renderer.engine import Engine

DRIVERS: Final[tuple[DriverName, ...]] = get_args(DriverName)
ROUND_SECONDS: Final = 900.0


async def measure(counts: Counts) -> Drivers:
    """Measure both drivers with both documents, half as many rich posters as simple ones."""
    posters = {"simple": counts.few, "rich": max(1, counts.few // 2)}
    rounds: dict[str, list[DriverRound]] = {driver: [] for driver in DRIVERS}
    for number in range(counts.rounds):
        for driver in DRIVERS if number % 2 == 0 else DRIVERS[::-1]:
            rounds[driver].append(await asyncio.to_thread(_in_process, driver, posters))
    day = datetime.now(UTC).date().isoformat()
    return Drivers(day=day, chromium=await _version(), slots=SLOTS, posters=posters, rounds=rounds)


def _in_process(driver: DriverName, posters: dict[str, int]) -> DriverRound:
    command = [sys.executable, "-m", "bench.drivers", driver, *(str(posters[name]) for name in DOCUMENTS)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=ROUND_SECONDS)
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=DriverRound)


async def _version() -> str:
    browser = await Browser.launch(find_chromium(None), on_demand=False)
    await browser.close()
    return browser.version


async def one_round(driver: DriverName, posters: dict[str, int]) -> DriverRound:
    """Start an engine, draw this many posters of each document with every slot busy, and weigh all processes."""
    began = time.perf_counter()
    engine = Engine(driver=driver, concurrency=SLOTS)
    await engine.start()
    draw = by_engine(engine)
    await draw(filled(DOCUMENTS["rich"]))
    start_seconds = time.perf_counter() - began
    rates, processor_ms = {}, {}
    for name, count in posters.items():
        await drawn_in_all(draw, DOCUMENTS[name], engine.concurrency * 4, engine.concurrency)
        used = processor_seconds(psutil.Process())
        rates[name] = await drawn_in_all(draw, DOCUMENTS[name], count, engine.concurrency)
        processor_ms[name] = (processor_seconds(psutil.Process()) - used) / count * 1000
    memory_mb = _memory_mb()
    await engine.close()
    return DriverRound(start_seconds=start_seconds, rates=rates, processor_ms=processor_ms, memory_mb=memory_mb)


def _memory_mb() -> float:
    process = psutil.Process()
    return sum(proportional_bytes(each.pid) for each in (process, *process.children(recursive=True))) / MB


def main(driver: str, *counts: str) -> None:
    """Print one round as JSON."""
    posters = dict(zip(DOCUMENTS, map(int, counts), strict=True))
    measured = asyncio.run(one_round(cast("DriverName", driver), posters))
    print(json.dumps(msgspec.to_builtins(measured)))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""How throughput grows with render workers, and what a rebalance costs, with drawing simulated (`bench.simulated`).

The backlog is pinned before the workers start, and no sink runs meanwhile: what is measured is the render role with the
broker, the storage and its tables. Completions are read afterwards, by the broker's times.
"""

import asyncio
import os
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

import orjson
import psutil
from confluent_kafka.admin import AdminClient, NewPartitions

from bench.baselines.documents import DOCUMENTS, filled
from bench.baselines.pipe_chromium import PipeChromium
from bench.counts import Counts
from bench.engine import processor_seconds
from bench.report.figures import longest_below, longest_pause, reached_after
from bench.report.results import Rebalance, Scale, ScaleRun
from bench.simulated import DRAW_SECONDS, IMAGE_VARIABLE
from bench.site import Site, running_site
from renderer.engine import UPLOADS_BESIDE
from schemas import topics
from streams.topics import TOPICS
from tests.parts import free_port

WORKERS: Final = (1, 2, 4, 8, 16)
BEFORE: Final = 2
AFTER: Final = 8
"""Workers before and after the rebalance."""
SHIPPED_PARTITIONS: Final = next(each.partitions for each in TOPICS if each.name == topics.POSTER_RENDERS)
MORE_PARTITIONS: Final = 48
START_SECONDS: Final = 180.0
SETTLE_SECONDS: Final = 5.0
START_ALLOWANCE_SECONDS: Final = 25.0
"""For the backlog: so long all workers may draw before a window begins."""
ENOUGH: Final = 0.94
NEARLY: Final = 0.9
PARTS: Final = {"java": "broker", "postgres": "database", "versitygw": "storage"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A poster that was completed: when, by the broker's time in seconds, and whether it was drawn for this."""

    job: str
    moment: float
    drawn: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stretch of time with all workers at work; `used` has the processor seconds of each part in it."""

    workers: int
    began: float
    ended: float
    busy: float
    used: dict[str, float]


class Fleet:
    """Render workers with simulated drawing, one document at a time in each: as many machines of one core."""

    def __init__(self, site: Site, image: Path) -> None:
        self._site = site
        self._image = image
        self._ports: dict[str, int] = {}

    def grow(self, workers: int) -> None:
        """Start workers until there are so many, and return once all of them are ready."""
        for number in range(len(self._ports), workers):
            name = f"render {number}"
            self._ports[name] = free_port()
            more = {
                "POSTERS_RENDER_SLOTS": "1",
                "POSTERS_STATUS_ADDRESS": f"127.0.0.1:{self._ports[name]}",
                IMAGE_VARIABLE: str(self._image),
            }
            self._site.start(name, ["render"], module="bench.simulated", **more)
        until = time.monotonic() + START_SECONDS
        while not all(_is_ready(port) for port in self._ports.values()):
            if time.monotonic() > until:
                raise TimeoutError(f"{workers} render workers were not ready in {START_SECONDS:g} s")
            time.sleep(0.2)

    def window(self, seconds: float) -> Window:
        """Let all of them work for a while, and weigh every part meanwhile."""
        time.sleep(SETTLE_SECONDS)
        before = self._used()
        psutil.cpu_percent()
        began = time.time()
        time.sleep(seconds)
        ended = time.time()
        busy = psutil.cpu_percent() / 100 * (os.cpu_count() or 1)
        used = {part: seconds - before.get(part, 0.0) for part, seconds in self._used().items()}
        return Window(workers=len(self._ports), began=began, ended=ended, busy=busy, used=used)

    def _used(self) -> dict[str, float]:
        """Return the processor seconds of the servers and the workers so far."""
        workers = {self._site.processes[name].pid for name in self._ports}
        used: dict[str, float] = {}
        for child in psutil.Process().children():
            part = "workers" if child.pid in workers else PARTS.get(child.name())
            if part is not None:
                used[part] = used.get(part, 0.0) + processor_seconds(child)
        return used


async def measure(counts: Counts) -> Scale:
    """Measure rising numbers of workers with the shipped partitions, then a rebalance and many workers with more."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        image = Path(directory) / "rich.png"
        async with PipeChromium(1) as chromium:
            image.write_bytes(await chromium.draw(filled(DOCUMENTS["rich"])))
        async with running_site(["templates", "intake"]) as site:
            runs = await asyncio.to_thread(_rising, site, image, counts)
        async with running_site(["templates", "intake"]) as site:
            more, rebalance = await asyncio.to_thread(_scaled_out, site, image, counts)
        return Scale(
            seconds=counts.window,
            draw_ms=DRAW_SECONDS * 1000,
            image_bytes=image.stat().st_size,
            cores=os.cpu_count() or 1,
            runs=[*runs, *more],
            rebalance=rebalance,
        )


def _rising(site: Site, image: Path, counts: Counts) -> list[ScaleRun]:
    levels = [workers for workers in WORKERS if workers <= counts.workers]
    _pin_backlog(site, _backlog(levels, counts.window))
    fleet, windows = Fleet(site, image), []
    for workers in levels:
        fleet.grow(workers)
        windows.append(fleet.window(counts.window))
    completions = _completions(site)
    return [_run(window, completions, SHIPPED_PARTITIONS) for window in windows]


def _scaled_out(site: Site, image: Path, counts: Counts) -> tuple[list[ScaleRun], Rebalance]:
    levels = [min(workers, counts.workers) for workers in (BEFORE, AFTER, max(WORKERS))]
    _add_partitions(site)
    _pin_backlog(site, _backlog(levels, counts.window))
    fleet = Fleet(site, image)
    fleet.grow(levels[0])
    windows = [fleet.window(counts.window)]
    began = time.time()
    fleet.grow(levels[1])
    ready = time.time()
    windows.append(fleet.window(counts.window))
    fleet.grow(levels[2])
    windows.append(fleet.window(counts.window))
    completions = _completions(site)
    runs = [_run(window, completions, MORE_PARTITIONS) for window in windows]
    until_end = [each for each in completions if each.moment < windows[1].ended]
    moments = [each.moment for each in until_end]
    during = [each for each in moments if each >= began]
    drawings = Counter(each.job for each in until_end if each.drawn)
    return runs, Rebalance(
        before=levels[0],
        after=levels[1],
        seconds_to_ready=ready - began,
        below_seconds=longest_below(during, runs[0].rate * NEARLY),
        pause_seconds=longest_pause(during),
        reached_seconds=reached_after(moments, ready, runs[1].rate * ENOUGH),
        twice=sum(times > 1 for times in drawings.values()),
        in_flight=levels[1] * (1 + UPLOADS_BESIDE),
    )


def _run(window: Window, completions: Sequence[Completion], partitions: int) -> ScaleRun:
    made = sum(window.began <= each.moment < window.ended for each in completions)
    seconds = window.ended - window.began
    return ScaleRun(
        workers=window.workers,
        partitions=partitions,
        rate=made / seconds,
        cores_busy=window.busy,
        parts={part: used / seconds for part, used in window.used.items()},
    )


def _backlog(levels: Sequence[int], seconds: float) -> int:
    """Return posters enough for every level, when the partitions are not emptied alike."""
    return round(2 * sum(levels) * (seconds + START_ALLOWANCE_SECONDS) / DRAW_SECONDS)


def _pin_backlog(site: Site, posters: int) -> None:
    """Have intake pin so many rich posters, and stop it."""
    template = site.upload(DOCUMENTS["rich"])
    with site.records(topics.POSTER_RENDERS) as records:
        site.ask([template] * posters)
        for _ in range(posters):
            next(records)
    site.close()


def _add_partitions(site: Site) -> None:
    admin = AdminClient({"bootstrap.servers": site.settings.brokers, "log_level": 0})
    wanted = [NewPartitions(name, MORE_PARTITIONS) for name in (topics.POSTER_RENDERS, topics.POSTER_RENDERS_BULK)]
    for done in admin.create_partitions(wanted).values():
        done.result()


def _completions(site: Site) -> list[Completion]:
    """Return every completion that is in the topic."""
    with site.records(topics.POSTER_COMPLETIONS, so_far=True) as records:
        found = []
        for value, moment in records:
            event = orjson.loads(value)
            if event["type"] != "poster.completed":
                raise RuntimeError(f"a poster of the benchmark was not completed: {event['error'] or event['type']}")
            found.append(Completion(job=event["job_id"], moment=moment, drawn=not event.get("cached")))
    return sorted(found, key=lambda each: each.moment)


def _is_ready(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()

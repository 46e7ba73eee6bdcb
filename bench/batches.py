"""How long single posters take while a large batch of another client is accepted, compared with an idle system.

Single posters are asked for at a steady pace, whether or not the ones before are completed: one that waits long does
not keep others from being measured.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Final

from bench.baselines.documents import DOCUMENTS
from bench.counts import Counts
from bench.report.results import Batches
from bench.site import Site, running_site
from schemas import topics

WARM_UP: Final = 30
IDLE: Final = 60
"""Single posters of a round while nothing else is asked for."""
PACE_SECONDS: Final = 0.1


async def measure(counts: Counts) -> Batches:
    """Measure in a new system each round, because the batch takes minutes to be drawn."""
    idle, beside, seconds = list[float](), list[float](), list[float]()
    for _ in range(counts.rounds):
        async with running_site() as site:
            await asyncio.to_thread(_round, site, counts, idle, beside, seconds)
    return Batches(posters=counts.batch, idle_ms=idle, beside_ms=beside, seconds=seconds)


def _round(site: Site, counts: Counts, idle: list[float], beside: list[float], seconds: list[float]) -> None:
    template = site.upload(DOCUMENTS["simple"])
    site.times_ms(template, WARM_UP)
    left = iter(range(min(IDLE, counts.singles)))
    idle += _paced_ms(site, template, lambda: next(left, None) is not None)
    accepted = threading.Event()
    accepting = threading.Thread(target=lambda: seconds.append(_accept(site, template, counts.batch, accepted)))
    accepting.start()
    beside += _paced_ms(site, template, lambda: not accepted.is_set())
    accepting.join()


def _paced_ms(site: Site, template: str, go_on: Callable[[], bool]) -> list[float]:
    """Ask for posters at a steady pace while `go_on`; return the time of each until its completion is received."""
    asked, received = dict[str, float](), dict[str, float]()
    ended = threading.Event()
    with site.completions() as completions:

        def receive() -> None:
            for job, _ in completions:
                received[job] = time.perf_counter()
                if ended.is_set():
                    return

        receiving = threading.Thread(target=receive)
        receiving.start()
        while go_on():
            began = time.perf_counter()
            [job] = site.ask([template])
            asked[job] = began
            time.sleep(max(0.0, began + PACE_SECONDS - time.perf_counter()))
        while receiving.is_alive() and not asked.keys() <= received.keys():
            time.sleep(PACE_SECONDS)
        ended.set()
        site.ask([template])  # whose completion ends the receiving
        receiving.join()
    return [(received[job] - began) * 1000 for job, began in asked.items()]


def _accept(site: Site, template: str, posters: int, accepted: threading.Event) -> float:
    """Ask for a batch and return the seconds until its last poster is pinned; set `accepted` then."""
    other = Site(site.settings, site.environment)  # a client of its own, so that its queue delays nobody else
    try:
        with site.records(topics.POSTER_RENDERS_BULK) as records:
            began = time.perf_counter()
            other.ask_batches(template, posters)
            for _ in range(posters):
                next(records)
            return time.perf_counter() - began
    finally:
        accepted.set()

"""The long run: throughput and the memory of every role over many posters of all kinds, with crashes among them."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any, Final

import psutil

from bench.baselines.documents import DOCUMENTS, as_template, number
from bench.counts import Counts
from bench.mixed import KINDS
from bench.report.figures import rate
from bench.report.results import Memory, Sample
from bench.site import Site, running_site
from streams.topics import ROLES

WARM_UP: Final = 100
RICH_EVERY: Final = 10
SIMPLE_EVERY: Final = 2
CRASH_EVERY: Final = 1_000
THOUSAND: Final = 1_000
SAMPLES: Final = 200
MB: Final = 1_000_000
RENDERER: Final = "--type=renderer"


async def measure(counts: Counts) -> Memory:
    """Make posters in one go, and look at memory as they are completed."""
    async with running_site() as site:
        return await asyncio.to_thread(_run, site, counts.long)


def _run(site: Site, count: int) -> Memory:
    simple = site.upload(DOCUMENTS["simple"])
    site.backlog(simple, min(WARM_UP, count))
    posters = list(_mixed(site, count))
    samples = [_sample(site, 0)]
    roles = _roles(site)
    moments, crashes = list[float](), 0
    every = max(1, count // SAMPLES)
    with site.completions() as completions:
        wanted = site.ask_with(posters)
        for done, (_, moment) in enumerate(site.all_of(wanted, completions), start=1):
            moments.append(moment)
            if done % CRASH_EVERY == CRASH_EVERY // 2:
                crashes += _crash(site)
            if done % every == 0 or done == count:
                samples.append(_sample(site, done))
                roles = {role: max(most, roles[role]) for role, most in _roles(site).items()}
    return Memory(posters=count, samples=samples, roles=roles, thousands=_thousands(moments), crashes=crashes)


def _mixed(site: Site, count: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield templates with data: half of the posters simple, a tenth rich, the others of four more templates."""
    simple, rich = (site.upload_template(as_template(DOCUMENTS[name])) for name in ("simple", "rich"))
    others = [(site.upload_template(kind.html), kind.data) for kind in KINDS]
    random = Random(0)  # noqa: S311 - no secret
    for each in range(count):
        if each % RICH_EVERY == 0:
            yield rich, {"number": number()}
        elif each % SIMPLE_EVERY == 1:
            yield simple, {"number": number()}
        else:
            template, data = others[each // SIMPLE_EVERY % len(others)]
            yield template, data(random)


def _thousands(moments: list[float]) -> list[float]:
    """Return posters a second of each thousand in the order of their completion, by the broker's times."""
    ordered = sorted(moments)
    starts = range(0, len(ordered) - THOUSAND + 1, THOUSAND)
    return [rate(ordered[start : start + THOUSAND]) for start in starts]


def _crash(site: Site) -> bool:
    """Kill the process of a page that draws, as the kernel does with one that takes too much memory."""
    busiest = max(_page_processes(site), default=None)
    if busiest is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(busiest[1], signal.SIGKILL)
        return True
    return False


def _page_processes(site: Site) -> Iterator[tuple[float, int]]:
    """Yield the processes of pages with their processor time so far."""
    for process in site.process("render").children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if RENDERER in process.cmdline():
                yield process.cpu_times().user, process.pid


def _roles(site: Site) -> dict[str, float]:
    return {role: site.process(role).memory_info().rss / MB for role in ROLES}


def _sample(site: Site, posters: int) -> Sample:
    render = site.process("render")
    chromium = 0.0
    for process in render.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess, OSError):  # ended meanwhile
            chromium += proportional_bytes(process.pid) / MB
    return Sample(posters=posters, python=render.memory_info().rss / MB, chromium=chromium)


def proportional_bytes(process: int) -> int:
    """Return the resident memory of a process, of what it shares only its share, so that a tree can be added up.

    Raises OSError if it has ended.
    """
    lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024

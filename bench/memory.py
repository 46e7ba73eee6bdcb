"""The memory of every role over a long run."""

import asyncio
import contextlib
from pathlib import Path

import psutil

from bench.baselines.documents import DOCUMENTS
from bench.counts import Counts
from bench.report.results import Memory, Sample
from bench.site import Site, running_site
from streams.topics import ROLES

RICH_EVERY = 10
SAMPLES = 200
MB = 1_000_000


async def measure(counts: Counts) -> Memory:
    """Make posters in one go, every tenth of them rich, and look at memory as they are completed."""
    async with running_site() as site:
        return await asyncio.to_thread(_run, site, counts.long)


def _run(site: Site, count: int) -> Memory:
    simple, rich = (site.upload(DOCUMENTS[name]) for name in ("simple", "rich"))
    site.backlog(simple, 2)
    samples = [_sample(site, 0)]
    roles = _roles(site)
    every = max(1, count // SAMPLES)
    with site.completions() as completions:
        wanted = site.ask([simple if each % RICH_EVERY else rich for each in range(count)])
        for done, _ in enumerate(site.all_of(wanted, completions), start=1):
            if done % every == 0 or done == count:
                samples.append(_sample(site, done))
                roles = {role: max(most, roles[role]) for role, most in _roles(site).items()}
    return Memory(posters=count, samples=samples, roles=roles)


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

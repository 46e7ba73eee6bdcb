"""`python -m bench`: run the whole system against bare Chromium and write docs/performance.md."""

import argparse
import asyncio
from dataclasses import dataclass
from pathlib import Path

from bench.engine import DOCUMENTS, Bare, latency_ms, throughput
from bench.flow import Site, median, running_site, sink_rate
from bench.sink import Rates, on_a_server
from schemas import topics
from streams.topics import ROLES

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
SLOTS = 3
SINK_POSTERS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was measured with one document; rates a second, times in milliseconds."""

    name: str
    bare_rate: float
    rate: float
    ratio: float
    bare_ms: float
    p50_ms: float
    p95_ms: float


async def measure(site: Site, name: str, html: str, posters: int, rounds: int) -> Row:
    """Measure the system and bare Chromium in turns."""
    template = await asyncio.to_thread(site.upload, html.replace("{number}", "{{ number }}"))
    await asyncio.to_thread(site.backlog, template, 20)
    bare_rates, rates, bare_times, times = [], [], [], []
    for _ in range(rounds):
        bare = Bare(SLOTS)
        await bare.start()
        bare_rates.append(await throughput(bare.draw, html, posters // 2, SLOTS))
        bare_times.append(await latency_ms(bare.draw, html, 20))
        await bare.close()
        rates.append(await asyncio.to_thread(site.backlog, template, posters))
        times += await asyncio.to_thread(site.latencies_ms, template, 20)
    times.sort()
    return Row(
        name=name,
        bare_rate=median(bare_rates),
        rate=median(rates),
        ratio=median([ours / plain for ours, plain in zip(rates, bare_rates, strict=True)]),
        bare_ms=median(bare_times),
        p50_ms=times[len(times) // 2],
        p95_ms=times[int(len(times) * 0.95)],
    )


async def intake_and_sink(site: Site, count: int) -> tuple[float, float]:
    """Return requests a second through intake and rows a second through the sink, each alone with its backlog."""
    template = await asyncio.to_thread(site.upload, "<p>{{ number }}</p>")
    for role in ("render", "intake", "sink"):
        await asyncio.to_thread(site.stop, role)
    await asyncio.to_thread(site.ask, template, count)
    with site.records(topics.POSTER_RENDERS) as records:
        site.start("intake")
        moments = await asyncio.to_thread(lambda: [next(records)[1] for _ in range(count)])
    return count / (max(moments) - min(moments)), await sink_rate(site, count)


def page(
    rows: list[Row],
    memory: dict[str, float],
    rates: tuple[float, float],
    sink: Rates,
    arguments: argparse.Namespace,
) -> str:
    """Return the page."""
    lines = [
        "# Performance",
        "",
        f'Made by `make bench ARGS="--posters {arguments.posters} --rounds {arguments.rounds}"`: one run on one',
        "machine with two cores, everything on it (Kafka, PostgreSQL, an S3 server, five role processes, Chromium).",
        "Read ratios; absolute numbers are those of that machine. Bare is Playwright with three reused pages and the",
        "same HTML, PNG for speed; the system's rate is between its first and last completion of a backlog.",
        "",
        "| poster | bare /s | system /s | ratio | bare alone ms | at rest p50 ms | p95 ms |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {row.name} | {row.bare_rate:.1f} | {row.rate:.1f} | {row.ratio:.2f} | {row.bare_ms:.0f} "
            f"| {row.p50_ms:.0f} | {row.p95_ms:.0f} |"
            for row in rows
        ),
        "",
        "- *Ratio*: the median of each round's ratio. *At rest*: one poster at a time, from asking to its completion",
        "  received.",
        f"- *Intake*: {rates[0]:,.0f} single-poster requests a second in one process, up to the render topic.",
        f"- *Sink*: {rates[1]:,.0f} posters a second through Kafka in one process, from a backlog of requests and",
        f"  `poster.queued`. Without the broker {sink.fresh:,.0f} events a second, five a poster, and",
        f"  {sink.again:,.0f} where all of them come again (`python -m bench.sink`).",
        "",
        f"Resident memory of each role's Python process after {arguments.posters * arguments.rounds * 2:,} posters:",
        "",
        *(f"- {role}: {megabytes:.0f} MiB" for role, megabytes in memory.items()),
        "",
    ]
    return "\n".join(lines)


async def run(arguments: argparse.Namespace) -> None:
    """Measure everything and write the page."""
    async with running_site() as site:
        rows = [
            await measure(site, name, html, arguments.posters, arguments.rounds) for name, html in DOCUMENTS.items()
        ]
        memory = {role: site.memory_mib(role) for role in ROLES}
        rates = await intake_and_sink(site, arguments.requests)
    sink = await on_a_server(SINK_POSTERS)
    text = page(rows, memory, rates, sink, arguments)
    PAGE.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posters", type=int, default=300, help="posters of a backlog")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--requests", type=int, default=20_000, help="requests for intake and sink")
    asyncio.run(run(parser.parse_args()))

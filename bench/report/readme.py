"""The README's section on speed, from the same figures as the page."""

import re
from typing import Final

from bench.report.figures import median
from bench.report.markdown import paragraph
from bench.report.results import Figures, Rounds
from bench.report.targets import backlog_ratio, pipe_ratio, rest_ms

HEADING: Final = "## How fast\n\n"


def with_speed(readme: str, figures: Figures) -> str:
    """Return the README with its section written again, or as it is where a part that the section needs is not stored.

    Raises ValueError where the README has no such section.
    """
    speed = _speed(figures)
    if speed is None:
        return readme
    section = re.compile(f"{re.escape(HEADING)}.*?(?=^## )", re.DOTALL | re.MULTILINE)
    if not section.search(readme):
        raise ValueError(f"the README has no section {HEADING.strip()!r}")
    more = "More, and what shall be reached: [docs/performance.md](docs/performance.md).\n\n"
    return section.sub(lambda _: HEADING + paragraph(speed).removesuffix("\n") + more, readme, count=1)


def _speed(figures: Figures) -> str | None:
    flow, start, memory, intake, sink = figures.flow, figures.start, figures.memory, figures.intake, figures.sink
    if flow is None or start is None or memory is None or intake is None or sink is None:
        return None
    simple, rich = flow.documents["simple"], flow.documents["rich"]
    return f"""
        On {figures.cores} cores with the broker, Postgres and the S3 server on them, as `make bench` measures it: a
        backlog of rich posters is made at {backlog_ratio(rich):.2f} of the rate of Chromium driven by Playwright on the
        same HTML, one of simple posters at {backlog_ratio(simple):.2f}{_by_pipe(simple, rich)}. From the request to the
        completion received, a simple poster at rest takes {_beside(rest_ms(simple))} than Playwright takes to draw it,
        a rich one {_beside(rest_ms(rich))}. A worker of all roles has its first poster {median(start.worker):.1f} s
        after its start. One intake process takes {intake.rate:,.0f} requests a second, or
        {intake.batched_rate:,.0f} posters of batches, one sink process writes {sink.runs[0].rate:,.0f} events a
        second, and in a run of {memory.posters:,} posters no role's Python process has more than
        {max(memory.roles.values()):.0f} MB."""


def _by_pipe(simple: Rounds, rich: Rounds) -> str:
    of_simple, of_rich = pipe_ratio(simple), pipe_ratio(rich)
    if of_simple is None or of_rich is None:
        return ""
    return f"; of Chromium over the pipe, without Playwright, it is {of_rich:.2f} and {of_simple:.2f}"


def _beside(milliseconds: float) -> str:
    return f"{abs(milliseconds):.0f} ms {'less' if milliseconds < 0 else 'longer'}"

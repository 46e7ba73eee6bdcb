"""The section of docs/capacity.md that compares what the model assumes with the runs of `bench.scale`."""

import re
from typing import Final

from bench.report.markdown import paragraph, table
from bench.report.results import Figures, Scale, ScaleRun
from bench.report.scale_page import is_judged

HEADING: Final = "## Checked against measurement\n\n"


def with_check(capacity: str, figures: Figures) -> str:
    """Return the page with its section written again, or as it is where the runs are not stored.

    Raises ValueError where the page has no such section.
    """
    if figures.scale is None:
        return capacity
    section = re.compile(f"{re.escape(HEADING)}.*?(?=^## )", re.DOTALL | re.MULTILINE)
    if not section.search(capacity):
        raise ValueError(f"docs/capacity.md has no section {HEADING.strip()!r}")
    checked = _check(figures.scale)
    return section.sub(lambda _: HEADING + checked, capacity, count=1)


def expected(measured: Scale, run: ScaleRun) -> float:
    """Return the rate that the model expects: that of one worker times the workers that have a partition."""
    return measured.runs[0].rate * min(run.workers, run.partitions)


def _check(measured: Scale) -> str:
    rows = [
        [
            str(run.workers),
            str(run.partitions),
            f"{expected(measured, run):.1f}",
            f"{run.rate:.1f}",
            f"{run.rate / expected(measured, run):.2f}",
            f"{run.cores_busy / measured.cores:.0%}",
            "yes" if is_judged(measured, run) else "no",
        ]
        for run in measured.runs
    ]
    return paragraph("""
        That throughput grows in proportion to render workers, as long as each has a partition, was tried with drawing
        simulated (see [performance](performance.md), "Render workers"): the real role, broker and storage, and a sleep
        in place of Chromium, so that many workers fit on the machine. Posters a second as the model expects them, from
        the rate of one worker, and as they were measured. Only runs that leave a fifth of the cores idle say something
        of the workers; the others show the machine's own limit.""") + table(
        ["workers", "partitions", "expected /s", "measured /s", "ratio", "cores busy", "judged"], rows
    )

"""The section of docs/performance.md on the browser drivers."""

from collections.abc import Callable, Sequence
from typing import Final

from bench.report.figures import median, ratio
from bench.report.markdown import paragraph, section, table
from bench.report.results import DriverRound, Drivers

FIGURES: Final[Sequence[tuple[str, Callable[[DriverRound], float], int]]] = (
    ("simple posters a second", lambda each: each.rates["simple"], 1),
    ("rich posters a second", lambda each: each.rates["rich"], 1),
    ("processor time of a simple poster, ms", lambda each: each.processor_ms["simple"], 1),
    ("processor time of a rich poster, ms", lambda each: each.processor_ms["rich"], 1),
    ("memory of all processes after a round, MB", lambda each: each.memory_mb, 0),
    ("from the engine's start to its first poster, s", lambda each: each.start_seconds, 1),
)
"""What is compared: its name, where it stands, and its decimals."""


def drivers(measured: Drivers) -> str:
    """Return the section."""
    return section(
        "Browser drivers",
        paragraph(f"""
            The engine over Chromium's pipe and over Playwright (`POSTERS_DRIVER`), in turns, without broker, storage
            and database, {measured.slots} browsers, measured on {measured.day} with Chromium {measured.chromium}:
            medians of {len(measured.rounds["pipe"])} rounds of {measured.posters["simple"]} simple and
            {measured.posters["rich"]} rich posters, and the median of the rounds' ratios. Python, Playwright's Node
            processes and Chromium together:"""),
        table(["", "pipe", "Playwright", "ratio"], [_row(measured, *each) for each in FIGURES]),
    )


def _row(measured: Drivers, name: str, figure: Callable[[DriverRound], float], decimals: int) -> list[str]:
    pipe, playwright = ([figure(each) for each in measured.rounds[driver]] for driver in ("pipe", "playwright"))
    return [
        name,
        f"{median(pipe):,.{decimals}f}",
        f"{median(playwright):,.{decimals}f}",
        f"{ratio(playwright, pipe):.2f}",
    ]

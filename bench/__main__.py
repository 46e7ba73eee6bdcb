"""`python -m bench [PART …]`: measure, store the figures in bench/results, and write docs/performance.md from them.

The README's section on speed, and the check of docs/capacity.md, follow from the same figures.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bench import (
    batches,
    choices,
    drivers,
    flow,
    guards,
    intake,
    memory,
    processes,
    reuse,
    scale,
    sink,
    start,
)
from bench.counts import TRIAL, Counts
from bench.peers import measure as peers
from bench.report.capacity_check import with_check
from bench.report.page import PLOT, memory_plot, page
from bench.report.readme import with_speed
from bench.results_store import PARTS, store_figures, stored_figures

ROOT: Final = Path(__file__).parents[1]
MEASURES: Final[Mapping[str, Callable[[Counts], Awaitable[Any]]]] = {
    "flow": flow.measure,
    "start": start.measure,
    "memory": memory.measure,
    "intake": intake.measure,
    "sink": sink.measure,
    "reuse": reuse.measure,
    "choices": choices.measure,
    "drivers": drivers.measure,
    "guards": guards.measure,
    "batches": batches.measure,
    "processes": processes.measure,
    "scale": scale.measure,
    "peers": peers.measure,
}
MINUTES: Final[Mapping[str, int]] = {
    "flow": 20,
    "start": 3,
    "memory": 20,
    "intake": 1,
    "sink": 2,
    "reuse": 3,
    "choices": 15,
    "drivers": 5,
    "guards": 6,
    "batches": 3,
    "processes": 14,
    "scale": 8,
    "peers": 15,
}
"""About how long each part takes on two cores, for the help; the page says how long it took."""
ON_DEMAND: Final = ("peers",)
"""What needs tools that nothing else here does."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is asked for and write the page."""
    options = _parser().parse_args(arguments)
    trial: bool = options.trial
    counts = replace(
        TRIAL if trial else Counts(),
        **{name: value for name in _names() if (value := getattr(options, name)) is not None},
    )
    results = ROOT / "out" / "bench-trial" if trial else ROOT / "bench" / "results"
    for part in chosen(options.parts):
        began = time.monotonic()
        figures = asyncio.run(_measured(part, counts))
        seconds = time.monotonic() - began
        store_figures(results, part, figures, datetime.now(UTC).date(), seconds)
        print(f"{part}: measured in {seconds:.0f} s", flush=True)
    write_page(results, results if trial else ROOT / "docs")
    if not trial:
        figures = stored_figures(results)
        for path, written_again in ((ROOT / "README.md", with_speed), (ROOT / "docs" / "capacity.md", with_check)):
            path.write_text(written_again(path.read_text(encoding="utf-8"), figures), encoding="utf-8")


def chosen(parts: Sequence[str]) -> Sequence[str]:
    """Return the parts to measure: those named, `all`, `none`, and without a name what needs no further tools."""
    if list(parts) == ["none"]:
        return []
    if "all" in parts:
        return list(MEASURES)
    return parts or [part for part in MEASURES if part not in ON_DEMAND]


def write_page(results: Path, directory: Path) -> None:
    """Write the page and its picture from the stored results; a part without one keeps its section of the page."""
    figures = stored_figures(results)
    if figures.memory is not None:
        picture = directory / PLOT
        picture.parent.mkdir(exist_ok=True)
        picture.write_text(memory_plot(figures.memory), encoding="utf-8")
    document = directory / "performance.md"
    earlier = document.read_text(encoding="utf-8") if document.exists() else ""
    document.write_text(page(figures, earlier), encoding="utf-8")
    print(f"written: {document.relative_to(ROOT)}")


async def _measured(part: str, counts: Counts) -> Any:
    return await MEASURES[part](counts)


def _parser() -> argparse.ArgumentParser:
    minutes = ", ".join(f"{part} {minutes}" for part, minutes in MINUTES.items())
    everything = sum(MINUTES[part] for part in chosen([]))
    parser = argparse.ArgumentParser(
        prog="make bench",
        description=__doc__,
        epilog=f"Without a part it takes about {everything} minutes on two idle cores; by part: {minutes}. "
        "Options go into ARGS as well, as in ARGS='memory --long 2000'.",
    )
    parser.add_argument(
        "parts",
        nargs="*",
        choices=[*PARTS, "all", "none", []],
        metavar="PART",
        help=f"{', '.join(PARTS)}; all; none: the page",
    )
    parser.add_argument("--trial", action="store_true", help="tiny counts, and a page of their own in out/bench-trial")
    for name in _names():
        parser.add_argument(f"--{name}", type=int, help=f"instead of {getattr(Counts(), name):,}")
    return parser


def _names() -> list[str]:
    return [field.name for field in fields(Counts)]


if __name__ == "__main__":
    main()

"""Writes docs/reliability.md from the results of fault runs."""

import json
import re
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.faults.scenarios import SCENARIOS

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "reliability.md"
COUNTED: Final = ("posters", "poison", "lost", "decided_twice", "repeated")
ROW: Final = re.compile(r"^\| (?P<name>[a-z-]+) \| \d.*$", re.MULTILINE)
DESCRIPTION: Final = re.compile(r"^- \*\*(?P<name>[a-z-]+)\*\*: .*$", re.MULTILINE)

HEAD: Final = """# Reliability

Fault injection into a running system on real servers (Kafka, PostgreSQL, an S3 server, Chromium). `make faults` writes
this page from the runs in `out/faults`; `make faults ARGS="worker-kills --seed 7"` repeats one of them.

- *Lost*: posters without a recorded outcome. *Conflicting*: posters whose outcome changed within a generation.
- *Duplicates*: outcomes published more than once (at-least-once delivery). Consumers recognise them by their id.
- *Recovery*: seconds from the fault (from its end, where it lasts) to the next recorded outcome, or to the last one
  where no further posters are requested; median / longest.
- *Safety* holds if no poster is lost, unknown, in conflict or moved backwards in its state; all counts equal a recount;
  every outcome is of the expected kind; the object of every completed poster has the recorded bytes, and no other
  objects exist; every record below an offset that was committed at the time of a fault had its effect by then; and
  exactly the poison messages that were sent are dead letters, byte for byte.
- *Liveness* holds if everything ended in time without intervention, outcomes continued within 60 s of a fault (16 s of
  the end of a worker), and the processes behaved as the description of the fault says.

| fault | injected | seeds | posters | poison | lost | conflicting | duplicates | recovery | safety | liveness |
|---|---|---|---|---|---|---|---|---|---|---|
"""
FOOT: Final = """
The consumer groups had a session timeout of 6 s in these runs (45 s by default). The partitions of a killed worker are
assigned to others after that time. `tests/simulation` explores ordering, acknowledgement and rebalancing without real
servers, in thousands of histories within seconds.
"""


def write_document(results: Path) -> None:
    """Write the page from every result in this directory; a fault without one keeps its row of the page."""
    runs: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(results.glob("*.json")):
        run = json.loads(path.read_text(encoding="utf-8"))
        runs.setdefault(run["scenario"], []).append(run)
    DOCUMENT.write_text(document(runs, earlier=DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")


def document(runs: Mapping[str, Sequence[dict[str, Any]]], earlier: str = "") -> str:
    """Return the page for these runs, by scenario; other scenarios keep their lines of an `earlier` page."""
    rows = _by_name(ROW, earlier)
    described = _by_name(DESCRIPTION, earlier)
    for name, those in runs.items():
        rows[name] = _row(name, those)
        described[name] = f"- **{name}**: {SCENARIOS[name].described}{_figures(those)}"
    names = [name for name in SCENARIOS if name in rows]
    return f"{HEAD}{_lines(rows, names)}\n\n{_lines(described, names)}\n{FOOT}"


def _by_name(pattern: re.Pattern[str], page: str) -> dict[str, str]:
    return {found["name"]: found[0] for found in pattern.finditer(page)}


def _lines(texts: Mapping[str, str], names: Sequence[str]) -> str:
    return "\n".join(texts[name] for name in names)


def _row(name: str, runs: Sequence[dict[str, Any]]) -> str:
    recoveries = sorted(seconds for run in runs for seconds in run["recoveries"])
    median = f"{statistics.median(recoveries):.1f}" if recoveries else "–"
    longest = f"{recoveries[-1]:.1f}" if recoveries else "–"
    seeds = ", ".join(str(run["seed"]) for run in runs)
    faults = sum(int(run["faults"]) for run in runs)
    safe = "holds" if all(run["safe"] for run in runs) else "**violated**"
    alive = "holds" if all(run["alive"] for run in runs) else "**violated**"
    counts = " | ".join(str(_total(runs, field)) for field in COUNTED)
    return f"| {name} | {faults} | {seeds} | {counts} | {median} / {longest} | {safe} | {alive} |"


def _total(runs: Sequence[dict[str, Any]], field: str) -> int:
    values = [run["verdict"][field] for run in runs]
    return sum(value if isinstance(value, int) else len(value) for value in values)


def _figures(runs: Sequence[dict[str, Any]]) -> str:
    measured = [f"{name} {value:g}" for run in runs for name, value in run["figures"].items()]
    return f" Measured: {'; '.join(measured)}." if measured else ""

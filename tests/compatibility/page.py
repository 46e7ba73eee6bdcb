"""Writes docs/compatibility.md from the results of the tests."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.compatibility.cases import BROKERS, CASES, CLIENTS, DATABASES, RESULTS, STORES, TOPICS, Case

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "compatibility.md"
NOT_TRIED: Final = "not tried"
AREAS: Final = {
    CLIENTS: "Each publishes a template and a request with its defaults, and reads `poster-completions`.",
    BROKERS: "`posters setup`, `posters doctor` and the main flow, with a restart of the workers.",
    TOPICS: (
        "Topics that exist before `posters setup`. A setting that the broker does not list is not compared. Workers "
        "log the same sentences as warnings when they start."
    ),
    DATABASES: (
        "A connection pooler in transaction mode needs at least two connections to the server for each database and "
        "user. It is recognised by the process ids that it shows; statements are then not prepared in advance."
    ),
    STORES: (
        "*Named*: `posters setup` and `posters doctor` say in one sentence what to change; a worker pauses rendering "
        "and loses nothing."
    ),
}
HEAD: Final = """# Compatibility

What was tried with other clients, brokers, databases and stores, and what came of it. `make compatibility` tries it
again and writes this page; `make test` tries a part of it. Last tried: {date}.
"""


def document(results: Mapping[str, Mapping[str, str]]) -> str:
    """Return the page for these results: `version` and `date` by the key of a case."""
    date = min((result["date"] for result in results.values()), default="never")
    return HEAD.format(date=date) + "".join(_table(area, results) for area in AREAS)


def _table(area: str, results: Mapping[str, Mapping[str, str]]) -> str:
    rows = "".join(_row(case, results) for case in CASES if case.area == area)
    return f"\n## {area}\n\n{AREAS[area]}\n\n| what | version | outcome |\n|---|---|---|\n{rows}"


def _row(case: Case, results: Mapping[str, Mapping[str, str]]) -> str:
    if case.key not in results:
        return f"| {case.name} | – | {NOT_TRIED} |\n"
    return f"| {case.name} | {results[case.key]['version']} | {case.outcome} |\n"


def results_of(page: str) -> dict[str, dict[str, str]]:
    """Return the results that a page was written from."""
    date = re.search(r"Last tried: (\S+)\.\n", page)
    assert date is not None
    versions = {row[1]: row[2] for row in re.finditer(r"^\| (.+?) \| (.+?) \| .+ \|$", page, re.MULTILINE)}
    return {case.key: {"version": versions[case.name], "date": date[1]} for case in CASES if case.name in versions}


def write_document() -> None:
    """Write the page from every result on this machine."""
    results = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in RESULTS.glob("*.json")}
    DOCUMENT.write_text(document(results), encoding="utf-8")

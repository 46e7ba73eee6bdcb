"""docs/reliability.md says what the fault runs do, in the words that the next run will write."""

import re
from typing import Any

from tests.faults.page import DOCUMENT, FOOT, HEAD, document
from tests.faults.scenarios import SCENARIOS


def run(*, seed: int, lost: list[str], alive: bool = True) -> dict[str, Any]:
    """Return the result of a run."""
    verdict = {"posters": 10, "poison": 1, "lost": lost, "decided_twice": [], "repeated": 2}
    return {
        "scenario": "drains",
        "seed": seed,
        "faults": 3,
        "recoveries": [1.0, 2.0, float(seed)],
        "verdict": verdict,
        "safe": not lost,
        "alive": alive,
        "figures": {"memory, MiB": 12.5},
    }


def test_the_page_has_the_words_of_its_generator() -> None:
    """Head, foot and the description of every fault on the page are those that `make faults` writes."""
    page = DOCUMENT.read_text(encoding="utf-8")
    described = dict(re.findall(r"^- \*\*([a-z-]+)\*\*: (.*?)(?: Measured: .*)?$", page, re.MULTILINE))
    rows = re.findall(r"^\| ([a-z-]+) \| \d", page, re.MULTILINE)

    assert page.startswith(HEAD)
    assert page.endswith(FOOT)
    assert described == {name: scenario.described for name, scenario in SCENARIOS.items()}
    assert rows == list(SCENARIOS)


def test_runs_of_a_fault_are_summed_in_one_row() -> None:
    """Counts are summed, recoveries are one distribution, and figures stand beside the description."""
    page = document({"drains": [run(seed=4, lost=[]), run(seed=5, lost=[])]})

    assert "| drains | 6 | 4, 5 | 20 | 2 | 0 | 0 | 4 | 2.0 / 5.0 | holds | holds |" in page
    assert "Measured: memory, MiB 12.5; memory, MiB 12.5." in page


def test_one_violation_marks_its_row() -> None:
    """A single run that lost a poster, or did not recover, is not hidden by the others."""
    page = document({"drains": [run(seed=4, lost=[]), run(seed=5, lost=["job[0]"], alive=False)]})

    assert "| 20 | 2 | 1 | 0 | 4 | 2.0 / 5.0 | **violated** | **violated** |" in page


def test_a_fault_that_was_not_run_again_keeps_its_lines() -> None:
    """A run of one scenario replaces its lines and leaves those of the others as they are."""
    earlier = document({"drains": [run(seed=4, lost=[])], "backlog": [run(seed=1, lost=[])]})

    page = document({"drains": [run(seed=7, lost=[])]}, earlier)

    assert page == document({"drains": [run(seed=7, lost=[])], "backlog": [run(seed=1, lost=[])]})

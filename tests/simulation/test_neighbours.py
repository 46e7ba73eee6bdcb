"""Whatever another site sends, a single poster of a neighbour takes three times as long as at rest and one render."""

import asyncio
from collections.abc import Callable

import pytest

from agents.intake.agent import TEMPLATE_WAIT_SECONDS
from schemas.requests import Request
from tests.simulation.pipeline import ENDLESS_SECONDS, PAGES, RENDER_SECONDS, Pipeline, batch, pipeline, single
from tests.simulation.virtual_time import run, virtual_loop

PROBES = 12
Flood = Callable[[], list[Request]]


def unknown_templates() -> list[Request]:
    """Return requests for templates that do not exist, each for another one."""
    return [single("flood", f"flood_{number}", f"unknown {number}") for number in range(14_000)]


def made_up_sources() -> list[Request]:
    """Return requests for templates that do not exist, each in the name of another source."""
    return [single(f"flood_{number}", f"flood_{number}", f"unknown {number}") for number in range(14_000)]


def endless_scripts() -> list[Request]:
    """Return posters that are drawn until they are given up."""
    return [single("flood", f"flood_{number}", "endless") for number in range(9)]


def singles() -> list[Request]:
    """Return single posters."""
    return [single("flood", f"flood_{number}") for number in range(200)]


def large_batch_marked_normal() -> list[Request]:
    """Return a batch that asks for the lane of single posters."""
    return [batch("flood", "flood", 300, priority="normal")]


def large_batches() -> list[Request]:
    """Return batches of many thousand posters."""
    return [batch("flood", f"flood_{number}", 500) for number in range(60)]


def other_endless_scripts() -> list[Request]:
    """Return posters without an end, each of another template."""
    return [single("flood", f"flood_{number}", f"endless {number}") for number in range(40)]


TEMPLATES = ("usual", "endless", *(f"endless {number}" for number in range(40)))


async def beside(flood: Flood) -> tuple[float, list[float]]:
    """Return how long a single poster takes at rest, and how long each of some takes beside a flood."""
    running: Pipeline
    async with pipeline(TEMPLATES) as running:
        for source in ("neighbour", "flood"):
            await running.single(source, f"first_of_{source}")
        idle = await running.single("neighbour", "at_rest")
        for request in flood():
            running.send(request)
        return idle, [await running.single("neighbour", f"probe_{number}") for number in range(PROBES)]


@pytest.mark.parametrize(
    "flood",
    [
        unknown_templates,
        made_up_sources,
        endless_scripts,
        singles,
        large_batch_marked_normal,
        large_batches,
        other_endless_scripts,
    ],
    ids=lambda flood: flood.__name__,
)
def test_a_neighbours_single_poster_hardly_waits(flood: Flood) -> None:
    """At most three times as long as at rest, plus one usual render."""
    idle, times = run(beside(flood))

    assert max(times) <= 3 * idle + RENDER_SECONDS, (idle, times)


async def _waits_beside_made_up_sources() -> float:
    running: Pipeline
    async with pipeline(TEMPLATES) as running:
        await running.single("neighbour", "first")
        began = virtual_loop().time()
        for number in range(3):
            running.send(single("neighbour", f"late_{number}", "late"))
        for request in made_up_sources():
            running.send(request)
        return min([await running.broker.outcome(f"late_{number}") for number in range(3)]) - began


def test_made_up_sources_end_no_wait_of_a_neighbour() -> None:
    """A request that waits for its template is not answered early, whatever waits in thousands of other names."""
    assert run(_waits_beside_made_up_sources()) >= TEMPLATE_WAIT_SECONDS


async def _alone(requests: list[Request]) -> float:
    running: Pipeline
    async with pipeline(TEMPLATES) as running:
        await running.single("alone", "first")
        began = virtual_loop().time()
        for request in requests:
            running.send(request)
        return max([await running.broker.outcome(request.job_id or "") for request in requests]) - began


def test_a_site_alone_has_every_page() -> None:
    """Sharing takes nothing from a site that has no neighbour: all pages draw all the time."""
    seconds = run(_alone([single("alone", f"alone_{number}") for number in range(900)]))

    assert seconds < 1.02 * 900 * RENDER_SECONDS / PAGES


async def _two(weights: dict[str, float]) -> dict[str, int]:
    running: Pipeline
    async with pipeline(TEMPLATES, weights) as running:
        for number in range(300):
            running.send(single("one", f"one_{number}"))
            running.send(single("two", f"two_{number}"))
        for number in range(150):
            await running.broker.outcome(f"one_{number}")
        return {source: sum(job.startswith(source) for job in running.broker.ended) for source in ("one", "two")}


def test_weights_are_shares() -> None:
    """A source of twice the weight has twice the posters while both have a backlog."""
    done = run(_two({"one": 2.0}))

    assert done["one"] == pytest.approx(2 * done["two"], rel=0.15), done


async def _seconds_of_six(template: str) -> float:
    running: Pipeline
    async with pipeline(TEMPLATES) as running:
        for number in range(6):
            running.send(single("slow", f"slow_{number}", template))
        for number in range(6):
            await running.broker.outcome(f"slow_{number}")
        return virtual_loop().time()


def test_a_version_that_timed_out_twice_has_one_page() -> None:
    """The first two posters have a page each, then one after the other is tried."""
    seconds = run(_seconds_of_six("endless"))

    assert seconds == pytest.approx(5 * ENDLESS_SECONDS, rel=0.1)


async def _late_upload() -> tuple[list[float], float]:
    running: Pipeline
    async with pipeline(TEMPLATES) as running:
        for number in range(20):
            running.send(single("site", f"late_{number}", "late"))
        running.send(single("site", "never", "never uploaded"))
        await asyncio.sleep(2)
        running.upload("late")
        return [await running.broker.outcome(f"late_{number}") for number in range(20)], await running.broker.outcome(
            "never"
        )


def test_a_request_waits_for_its_template() -> None:
    """It goes on when the template is there, and is answered after ten seconds where none comes."""
    late, never = run(_late_upload())

    assert min(late) > 2
    assert max(late) < 2 + 2 * 20 * RENDER_SECONDS / PAGES
    assert never == pytest.approx(10, abs=0.5)

"""A poster that kills its worker, and workers that are killed from outside, on the whole system."""

import time
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from schemas.topics import DEAD_LETTERS, POSTER_COMPLETIONS
from tests.flow.system import REPOSITORY, TIMEOUT_SECONDS, System

# Python runs this at the start of every worker and of every child of one.
DEADLY = """
import asyncio, os, signal
from agents.render.poster_renderer import PosterRenderer
render = PosterRenderer.render
async def deadly(self, poster):
    if poster.entity_id == "killer":
        await asyncio.sleep(0.5)
        os.kill(os.getpid(), signal.SIGKILL)
    if poster.entity_id == "slow":
        await asyncio.sleep(0.5)
    return await render(self, poster)
PosterRenderer.render = deadly
"""
KILLS = 4


@pytest.fixture
def deadly_system(idle_system: System, tmp_path: Path) -> System:
    """A system whose workers are killed by one poster; a restarted one takes its partitions back at once."""
    (tmp_path / "sitecustomize.py").write_text(DEADLY)
    idle_system.environment |= {"PYTHONPATH": f"{tmp_path}:{REPOSITORY}", "POSTERS_INSTANCE": "one"}
    idle_system.start_worker()
    return idle_system


def _in_flight(system: System) -> list[dict[str, Any]]:
    """Return what the running worker has noted of its posters."""
    assert system.worker is not None
    query = "SELECT subject FROM crash_journal WHERE role = 'render' AND worker LIKE %s"
    return system.rows(query, f"%.{system.worker.pid}.%")


def test_a_poster_kills_two_workers_and_is_given_up(deadly_system: System) -> None:
    """Two workers die; then its failure and its dead letter are there, and its neighbours' posters are completed."""
    system = deadly_system
    version = system.upload("<p>{{ title }}</p>")
    template = f"{version.section}_latest"
    killer = system.request(template, {"title": "killer"}, entity_id="killer")
    neighbours = [system.request(template, {"title": f"neighbour {number}"}) for number in range(6)]
    deaths = 0
    deadline = time.monotonic() + TIMEOUT_SECONDS
    for record in system.follow(POSTER_COMPLETIONS):
        if record is not None and record.key == killer.encode():
            break
        assert time.monotonic() < deadline, system.log_tail()
        assert system.worker is not None
        if system.worker.poll() is not None:
            deaths += 1
            system.start_worker()
    failed = system.outcome(killer)
    letter = system.wait(DEAD_LETTERS, lambda record: ("dlq.reason", b"poison") in record.headers)

    assert deaths == 2
    assert failed.error is not None
    assert (failed.error.code, failed.attempt) == ("renderer_crashed", 1)
    assert UUID(letter.body["event_id"])
    assert letter.body["job_id"] == killer
    assert [system.outcome(job).status for job in neighbours] == ["completed"] * 6
    assert system.rows("SELECT status FROM template_poster_results WHERE job_id = %s", killer)[0]["status"] in (
        "processing",
        "failed",
    )


def test_workers_that_are_killed_make_nothing_poison(deadly_system: System) -> None:
    """Several kills while posters are rendered, in workers and in children that handle them alone: all complete."""
    system = deadly_system
    version = system.upload("<p>{{ title }}</p>")
    jobs = []
    for kill in range(KILLS):
        jobs += [
            system.request(f"{version.section}_latest", {"title": f"{kill} {number}"}, entity_id="slow", reuse=False)
            for number in range(3)
        ]
        system.eventually(partial(_in_flight, system))
        system.kill_worker()
        system.start_worker()
    outcomes = [system.outcome(job) for job in jobs]

    assert {outcome.status for outcome in outcomes} == {"completed"}
    letters = [record for record in system.all(DEAD_LETTERS) if record.body["section"] == version.section]
    assert letters == []
    assert system.stop_worker() == 0
    assert system.rows("SELECT role, subject FROM crash_journal WHERE crashes > 0 AND role = 'render'") == []

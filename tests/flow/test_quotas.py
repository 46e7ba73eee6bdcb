"""Quotas with two sites on one cluster: what one has used up does not concern the other."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from msgspec import Raw

from schemas import topics
from schemas.envelope import Envelope
from schemas.outcomes import PosterOutcome
from schemas.requests import BatchRequested, JobReplayRequested, PosterRequested
from tests.flow.system import System, new_job, stamp

POSTERS = 5


@pytest.fixture(scope="module")
def system(idle_system: System) -> System:
    """A worker with quotas: for `greedy` five posters a day, for `heavy` one byte, for others none."""
    idle_system.environment["POSTERS_QUOTA_POSTERS"] = f"greedy={POSTERS}"
    idle_system.environment["POSTERS_QUOTA_BYTES"] = "heavy=1"
    idle_system.start_worker()
    return idle_system


@pytest.fixture(scope="module")
def section(system: System) -> str:
    """A section that everybody may use."""
    return system.upload("<p>{{ title }}</p>").section


def of(source: str) -> dict[str, Any]:
    """Return the envelope of an event of a source."""
    return {**stamp(), "source": source}


def one(source: str, section: str, title: str) -> PosterRequested:
    """Return a request for one poster."""
    return PosterRequested(
        **of(source), job_id=new_job(), template_id=f"{section}_latest", custom_data={"title": title}
    )


def send(system: System, job_id: str, event: Envelope) -> None:
    """Send a request."""
    system.send(topics.POSTER_REQUESTS, job_id, event)


def code(outcome: PosterOutcome) -> str:
    """Return the error of an outcome, or its status."""
    return outcome.error.code if outcome.error else outcome.status


def test_posters_over_the_quota_fail_and_others_are_made(system: System, section: str) -> None:
    """Of a batch the first ones are made; a redelivery counts nothing, and the other site has all of its posters."""
    greedy = BatchRequested(
        **of("greedy"),
        job_id=new_job(),
        template_id=f"{section}_latest",
        posters=[Raw(b'{"custom_data":{"title":"%d"}}' % number) for number in range(POSTERS + 2)],
    )
    modest = [one("modest", section, f"m{number}") for number in range(3)]
    send(system, greedy.job_id, greedy)
    send(system, greedy.job_id, greedy)
    for event in modest:
        send(system, event.job_id, event)
    outcomes = [system.outcome(greedy.job_id, index) for index in range(POSTERS + 2)]
    late = one("greedy", "no-such-section", "x")
    send(system, late.job_id, late)
    refused = system.outcome(late.job_id)
    system.eventually(system.sink_is_idle)
    _, metrics = system.status("/metrics")
    shown = system.command("quota")
    today = datetime.now(UTC).date()

    assert [code(outcome) for outcome in outcomes] == ["completed"] * POSTERS + ["quota"] * 2
    assert {code(system.outcome(event.job_id)) for event in modest} == {"completed"}
    assert code(refused) == "quota"
    assert refused.error is not None
    assert refused.error.message.startswith(
        "quota of posters: the source `greedy` may have 5 posters a day, and has used them up; the next day begins at"
    )
    assert system.rows(
        "SELECT used, refused FROM quota_use WHERE source = 'greedy' AND quota = 'posters' AND day = %s", today
    ) == [{"used": POSTERS, "refused": 3}]
    assert [line for line in metrics.splitlines() if "poster_quota_exceeded_total{" in line and "greedy" in line] == [
        'poster_quota_exceeded_total{quota="posters",source="greedy"} 3.0'
    ]
    assert shown.returncode == 0, shown.stderr
    rows = {line.split("\t")[0]: line.split("\t")[1:] for line in shown.stdout.splitlines()}
    assert rows["greedy"][0::2] == ["5/5", "3"]
    assert rows["modest"][0::2] == ["3/-", "0"]


def test_a_source_is_refused_once_its_pictures_are_too_many_bytes(system: System, section: str) -> None:
    """Also its replay; pictures that were stored already cost nothing, and the other site goes on."""
    title = uuid4().hex
    first = one("heavy", section, title)
    send(system, first.job_id, first)
    made = system.outcome(first.job_id)
    system.eventually(lambda: system.rows("SELECT FROM quota_use WHERE source = 'heavy' AND used > 1"))
    second, other = one("heavy", section, "more"), one("light", section, title)
    replay = JobReplayRequested(**of("heavy"), job_id=first.job_id)
    for job_id, event in ((second.job_id, second), (other.job_id, other), (first.job_id, replay)):
        send(system, job_id, event)
    refused, reused = system.outcome(second.job_id), system.outcome(other.job_id)
    again = system.wait(
        topics.POSTER_COMPLETIONS, lambda record: record.key == first.job_id.encode() and record.body["generation"] == 1
    )
    system.eventually(system.sink_is_idle)
    used = system.rows("SELECT source, used FROM quota_use WHERE quota = 'bytes'")

    assert (code(made), code(refused), reused.status, reused.cached) == ("completed", "quota", "completed", True)
    assert "may have 1 bytes a day" in (refused.error.message if refused.error else "")
    assert again.body["error"]["code"] == "quota"
    assert {"source": "heavy", "used": made.size_bytes} in used
    assert "light" not in {row["source"] for row in used}

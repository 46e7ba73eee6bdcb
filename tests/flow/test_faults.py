"""Nothing is lost, and nothing is decided twice, when a worker is killed."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import orjson
import pytest

from schemas import topics
from schemas.codec import decode, encode
from schemas.renders import PosterPinned
from tests.flow.system import System

POSTERS = 60
KILLS = 2


@pytest.mark.timeout(400)
def test_killing_the_worker_loses_nothing_and_decides_nothing_twice(idle_system: System) -> None:
    """60 posters and two kills later every poster has one outcome, and the counters agree with a fresh count."""
    system = idle_system
    system.start_worker()
    template = f"{system.upload('<p>{{ title }}</p>').section}_latest"
    jobs = [system.request(template, {"title": f"poster {number}"}) for number in range(POSTERS)]
    for kill in range(1, KILLS + 1):
        system.eventually(lambda kill=kill: recorded(system, jobs) >= kill * POSTERS // (KILLS + 2))  # type: ignore[misc]
        system.kill_worker()
        system.start_worker()
    system.eventually(lambda: set(jobs) <= terminal_jobs(system))

    system.eventually(lambda: recorded(system, jobs) == POSTERS)
    wrong = system.rows(
        "SELECT job_id FROM template_generation_jobs j WHERE (success_count, failure_count) <> (SELECT "
        "count(*) FILTER (WHERE status = 'completed'), count(*) FILTER (WHERE status = 'failed') "
        "FROM template_poster_results r WHERE r.job_id = j.job_id)"
    )
    keys: dict[str, set[str]] = {}
    for record in system.all(topics.POSTER_COMPLETIONS):
        keys.setdefault(record.body["job_id"], set()).add(record.body["object_key"])

    assert wrong == []
    assert all(len(found) == 1 for found in keys.values())


def test_a_poster_waits_for_its_retry_and_goes_on_with_the_next_attempt(idle_system: System) -> None:
    """The retry role sends a poster back when it is due, not before, as attempt two."""
    system = idle_system
    system.start_worker()
    template = f"{system.upload('<p>{{ title }}</p>').section}_latest"
    job = system.request(template, {"title": "first"})
    system.outcome(job)
    pinned = decode(system.wait(topics.POSTER_RENDERS, lambda record: record.body["job_id"] == job).value, PosterPinned)
    body = orjson.loads(encode(pinned))
    due = datetime.now(UTC) + timedelta(seconds=2)
    again = f"again_{uuid4().hex}"
    body |= {
        "job_id": again,
        "due_at": due.isoformat(),
        "tier": 1,
        "custom_data": {"title": "second"},
        "error": {"code": "internal", "message": "x", "retryable": True},
    }
    system.send(topics.POSTER_RETRIES[0], body["input_digest"], orjson.dumps(body))

    outcome = system.outcome(again)

    assert (outcome.status, outcome.attempt) == ("completed", 2)
    assert outcome.occurred_at >= due


def test_a_worker_can_be_stopped_while_it_waits_for_a_broker(tmp_path: Path) -> None:
    """SIGTERM ends a worker that is still waiting for its broker, with code 0."""
    log = tmp_path / "worker.log"
    environment = {**os.environ, "POSTERS_BROKERS": "127.0.0.1:1", "POSTERS_STORAGE_URL": tmp_path.as_uri()}
    with log.open("wb") as file:
        worker = subprocess.Popen(
            [sys.executable, "-m", "posters", "worker", "retry"], env=environment, stdout=file, stderr=file
        )
    try:
        while b"no broker answers" not in log.read_bytes():
            assert worker.poll() is None
            time.sleep(0.05)  # another process's log is the only signal
        worker.terminate()

        assert worker.wait(20) == 0
    finally:
        worker.kill()


def recorded(system: System, jobs: list[str]) -> int:
    """Return how many posters of these jobs are recorded as completed."""
    (row,) = system.rows(
        "SELECT count(*) AS done FROM template_poster_results WHERE status = 'completed' AND job_id = ANY(%s)", jobs
    )
    return int(row["done"])


def terminal_jobs(system: System) -> set[str]:
    """Return the jobs that have an outcome on the topic."""
    return {record.body["job_id"] for record in system.all(topics.POSTER_COMPLETIONS)}

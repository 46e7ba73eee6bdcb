"""Poison messages: stored byte for byte as dead letters, without effect on other requests or the worker."""

import orjson
import pytest

from schemas import topics
from schemas.outcomes import PosterOutcome
from tests.flow.system import System, TopicRecord, new_job

GOOD = "<p>{{ title }}</p>"


def request_bytes(**changes: object) -> bytes:
    """Return a good request with some fields changed."""
    body = {
        "type": "poster.requested",
        "version": 1,
        "event_id": "6f2b0d54-3a51-5f0e-9c0f-8f0a5b6c7d10",
        "occurred_at": "2026-01-01T00:00:00Z",
        "job_id": new_job(),
        "template_id": "x_latest",
        **changes,
    }
    return orjson.dumps(body)


HOSTILE: dict[str, bytes | None] = {
    "no value": None,
    "empty": b"",
    "not JSON": b"{",
    "an array": b"[]",
    "text": b'"str"',
    "bad UTF-8": b"\xff\xfe{}",
    "byte order mark": b"\xef\xbb\xbf{}",
    "not a number": b'{"type":"poster.requested","version":1,"custom_data":{"a":NaN}}',
    "unknown type": request_bytes(type="poster.dreamt"),
    "unknown version": request_bytes(version=2),
    "wrong type of a field": request_bytes(custom_data=[1]),
    "5,000 deep": b'{"type":"poster.requested","version":1,"custom_data":' + b'{"a":' * 5000 + b"1" + b"}" * 5001,
    "2 MB": request_bytes(custom_data={"a": "x" * 2_000_000}),
}


@pytest.fixture(scope="module")
def template(system: System) -> str:
    """A template, as `<section>_latest`."""
    return f"{system.upload(GOOD).section}_latest"


def milliseconds(outcome: PosterOutcome) -> int:
    """Return how long a poster took from the arrival of its request at the broker, by its outcome."""
    return (outcome.queue_time_ms or 0) + (outcome.generation_time_ms or 0)


def dead_letter(system: System, value: bytes | None, key: bytes | None) -> TopicRecord:
    """Return the dead letter of a value."""
    return system.wait(topics.DEAD_LETTERS, lambda record: record.value == value and record.key == key)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_record_is_one_dead_letter_with_its_origin(system: System, template: str, name: str) -> None:
    """The bytes are kept with origin and reason, once, and a neighbouring request is not delayed."""
    value, key = HOSTILE[name], f"hostile {name}".encode()
    system.outcome(system.request(template, {"title": "before"}))
    alone = system.outcome(system.request(template, {"title": f"alone {name}"}))

    system.send(topics.POSTER_REQUESTS, key, value)
    neighbour = system.outcome(system.request(template, {"title": f"beside {name}"}))
    letter = dead_letter(system, value, key)
    headers = dict(letter.headers)

    assert neighbour.status == "completed"
    assert milliseconds(neighbour) < milliseconds(alone) + 1_000
    assert headers["dlq.topic"] == b"poster-requests"
    assert headers["dlq.role"] == b"intake"
    assert headers["dlq.reason"] == b"invalid_request"
    assert headers["dlq.error"]
    assert {"dlq.partition", "dlq.offset", "dlq.timestamp", "dlq.time"} <= headers.keys()
    assert sum(record.key == key for record in system.all(topics.DEAD_LETTERS)) == 1


def test_a_null_key_is_no_problem_for_what_follows(system: System, template: str) -> None:
    """A record without key and value is a dead letter like any other."""
    system.send(topics.POSTER_REQUESTS, None, None)

    assert system.outcome(system.request(template, {"title": "after"})).status == "completed"
    assert dead_letter(system, None, None)


def test_the_sender_of_a_broken_request_gets_an_answer(system: System) -> None:
    """Where the job can still be read, its only poster fails with `invalid_request` and its job is recorded."""
    job = new_job()
    system.send(topics.POSTER_REQUESTS, job, request_bytes(job_id=job, custom_data="no object"))

    outcome = system.outcome(job)
    row = system.eventually(
        lambda: system.rows(
            "SELECT status, total_count, failure_count FROM template_generation_jobs "
            "WHERE job_id = %s AND status = 'failed'",
            job,
        )
    )

    assert outcome.error is not None
    assert outcome.error.code == "invalid_request"
    assert row == [{"status": "failed", "total_count": 1, "failure_count": 1}]


def test_a_burst_of_hostile_records_does_not_restart_the_worker(system: System, template: str) -> None:
    """Every kind of hostile record at once becomes a dead letter, and the same process makes the next poster."""
    system.outcome(system.request(template, {"title": "before the burst"}))
    before = system.process_marker()
    for name, value in HOSTILE.items():
        system.send(topics.POSTER_REQUESTS, f"burst {name}", value)
    for name, value in HOSTILE.items():
        dead_letter(system, value, f"burst {name}".encode())
    after = system.outcome(system.request(template, {"title": "after the burst"}))

    assert after.status == "completed"
    assert system.process_marker() == before

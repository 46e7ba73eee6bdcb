"""Cancelled jobs, as intake and render learn of them."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

from agents.cancellations import Cancellations
from agents.intake.catalog import Catalog
from agents.intake.request_handler import RequestHandler
from schemas.codec import decode, encode
from schemas.renders import JobCancellation
from schemas.requests import JobCancelRequested, PosterRequested
from streams.delivery import Record
from tests.streams.deliveries import EPOCH, delivery


def record(job_id: str, up_to: int) -> tuple[bytes, bytes]:
    """Return key and value of a record of job-cancellations."""
    event = JobCancellation(event_id=uuid4(), occurred_at=datetime.now(UTC), job_id=job_id, up_to_generation=up_to)
    return job_id.encode(), encode(event)


def cancel(cancellations: Cancellations, job_id: str) -> Record:
    """Let intake handle a cancel, and return the record that it publishes."""
    handler = RequestHandler(Catalog(), cancellations, lambda: datetime.now(UTC))
    request = JobCancelRequested(event_id=uuid4(), occurred_at=datetime.now(UTC), job_id=job_id)
    (written,) = handler.handle(request, delivery(1))
    return written


def test_a_lower_generation_changes_nothing() -> None:
    """A repeated record of generation 0 leaves a replay cancelled; a tombstone withdraws the cancellation."""
    cancellations = Cancellations()
    cancellations.on_record(*record("job", 2))
    cancellations.on_record(*record("job", 0))
    covered = [cancellations.covers("job", generation) for generation in range(4)]
    cancellations.on_record(b"job", None)

    assert covered == [True, True, True, False]
    assert not cancellations.covers("job", 0)


def test_intake_repeats_the_generation_of_the_sink() -> None:
    """Of the topic only a job's last record stays, so a cancel read again must not lower it."""
    cancellations = Cancellations()
    first = decode(cancel(cancellations, "job").value, JobCancellation)
    cancellations.on_record(*record("job", 1))
    again = decode(cancel(cancellations, "job").value, JobCancellation)

    assert [event.up_to_generation for event in (first, again)] == [0, 1]
    assert first.occurred_at == again.occurred_at == EPOCH


def test_a_request_right_behind_its_cancel_is_dropped() -> None:
    """Intake does not wait until it reads its own record."""
    cancellations = Cancellations()
    cancel(cancellations, "job")
    handler = RequestHandler(Catalog(), cancellations, lambda: datetime.now(UTC))
    request = PosterRequested(event_id=uuid4(), occurred_at=datetime.now(UTC), job_id="job", template_id="x_latest")

    assert list(handler.handle(request, delivery(2))) == []


async def test_rendering_a_replay_ends_when_its_generation_is_cancelled() -> None:
    """A cancel of generation 0 does not reach it; one of its own generation ends it at once."""
    cancellations = Cancellations()
    cancellations.on_record(*record("job", 0))
    ended = []
    try:
        async with asyncio.timeout(None) as scope:
            with cancellations.cancel_scope_with_job("job", 1, scope):
                await asyncio.sleep(0)
                ended.append(scope.expired())
                cancellations.on_record(*record("job", 1))
                await asyncio.Event().wait()
    except TimeoutError:
        ended.append(True)

    assert ended == [False, True]

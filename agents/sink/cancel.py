"""Calling off what is left of cancelled jobs."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from agents.sink.database import Database
from agents.sink.open_posters import SQL, cancelled, open_posters
from schemas.envelope import fact_id
from schemas.renders import JobCancellation
from schemas.topics import JOB_CANCELLATIONS
from streams.delivery import Publisher, Record
from streams.records import event_headers, event_record


async def cancel_open_posters(database: Database, publisher: Publisher, job_ids: Sequence[str]) -> int:
    """Publish `poster.cancelled` for every poster of these jobs that a cancel covers and that has not ended.

    Where a job was replayed before its cancel, intake, render and retry are told first: only the tables know up to
    which generation. Called after the cancel, or a request that came after it, is committed; calling it again repeats
    the same events. Returns how many posters. Raises TryAgainError.
    """
    replayed = await database.fetch_rows(SQL["replayed"], list(job_ids))
    await publisher.publish(list(_cancellations(replayed)))
    count = 0
    async for page in open_posters(database, "cancelled", list(job_ids)):
        await publisher.publish([cancelled(poster) for poster in page])
        count += len(page)
    return count


def call_off(job_id: str, up_to_generation: int, at: datetime, source: str | None, reason: str | None) -> Record:
    """Return what has intake, render and retry drop a job's posters up to this generation."""
    event = JobCancellation(
        event_id=fact_id("job.cancellation", job_id, up_to_generation),
        occurred_at=at,
        source=source,
        job_id=job_id,
        up_to_generation=up_to_generation,
        reason=reason,
    )
    return event_record(JOB_CANCELLATIONS, job_id, event, event_headers())


def _cancellations(rows: Sequence[Any]) -> Iterator[Record]:
    for row in rows:
        yield call_off(
            row["job_id"], row["cancelled_up_to"], row["cancel_requested_at"], row["source"], row["cancel_reason"]
        )

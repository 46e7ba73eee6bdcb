"""Calling off what is left of cancelled jobs."""

from collections.abc import Iterator, Sequence
from typing import Any

from agents.cancellations import call_off
from agents.postgres import Database
from agents.sink.open_posters import SQL, cancelled, open_posters
from streams.delivery import Publisher, Record
from streams.records import event_headers


async def cancel_open_posters(database: Database, publisher: Publisher, job_ids: Sequence[str]) -> int:
    """Publish `poster.cancelled` for every poster of these jobs that a cancel covers and that has not ended.

    Where a job was replayed before its cancel, intake, render and retry are told first: only the tables know up to
    which generation. Called after the cancel, or a request that came after it, is committed; calling it again repeats
    the same events. Returns how many posters. Raises UnavailableError.
    """
    replayed = await database.fetch_rows(SQL["replayed"], list(job_ids))
    await publisher.publish(list(_cancellations(replayed)))
    count = 0
    async for page in open_posters(database, "cancelled", list(job_ids)):
        await publisher.publish([cancelled(poster) for poster in page])
        count += len(page)
    return count


def _cancellations(rows: Sequence[Any]) -> Iterator[Record]:
    for row in rows:
        yield call_off(
            row["job_id"],
            row["cancelled_up_to"],
            at=row["cancel_requested_at"],
            source=row["source"],
            reason=row["cancel_reason"],
            headers=event_headers(),
        )

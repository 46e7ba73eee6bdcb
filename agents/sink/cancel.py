"""Calling off what is left of cancelled jobs."""

from collections.abc import Sequence

from agents.sink.database import Database
from agents.sink.open_posters import cancelled, open_posters
from streams.delivery import Publisher


async def cancel_open_posters(database: Database, publisher: Publisher, job_ids: Sequence[str]) -> int:
    """Publish `poster.cancelled` for every poster of these jobs that a cancel covers and that has not ended.

    Called after the cancel, or a request that came after it, is committed; calling it again repeats the same events.
    Returns how many. Raises TryAgainError.
    """
    count = 0
    async for page in open_posters(database, "cancelled", list(job_ids)):
        await publisher.publish([cancelled(poster) for poster in page])
        count += len(page)
    return count

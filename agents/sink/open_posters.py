"""Posters without an outcome that will not get one by themselves: the sink publishes their outcome.

The sink cancels those of cancelled jobs; the janitor fails those that are overdue.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal
from uuid import UUID

import asyncpg
import orjson

from agents.events import PosterEvents, PosterIdentity, job_cancellation
from agents.postgres import Database
from schemas.codes import ErrorCode
from streams.delivery import Publisher, Record
from streams.records import event_headers
from streams.sql import named_queries

SQL: Final = named_queries(Path(__file__).with_name("open_posters.sql"))

Reason = Literal["cancelled", "expired", "stale"]
"""Why a poster that was requested gets its outcome from the sink; each is a query of open_posters.sql."""


FetchRows = Callable[..., Awaitable[Sequence[asyncpg.Record]]]
"""Runs a query with its arguments: on a database, or in the transaction of a connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPoster(PosterIdentity):
    """A poster without an outcome. `ended_at` is the time of the outcome that it gets, the same in every sweep."""

    ended_at: datetime


async def open_posters(fetch: FetchRows, reason: Reason, *arguments: object) -> AsyncIterator[list[OpenPoster]]:
    """Yield the open posters that are due for this reason, in pages. Raises what `fetch` raises."""
    after = ("", -1)
    while True:
        rows = await fetch(SQL[reason], *after, *arguments)
        if not rows:
            return
        page = [open_poster(row) for row in rows]
        yield page
        after = (page[-1].job_id, page[-1].poster_index)


async def cancel_open_posters(database: Database, publisher: Publisher, job_ids: Sequence[str]) -> int:
    """Publish `poster.cancelled` for every open poster of these jobs that a cancel covers; return how many.

    Where a job was replayed before its cancel, intake, render and retry get a cancellation first: only the tables know
    up to which generation. Called after the cancel, or a request that came after it, is committed. Idempotent: another
    call publishes the same events. Raises UnavailableError.
    """
    replayed = await database.fetch_rows(SQL["replayed"], list(job_ids))
    await publisher.publish(list(_cancellations(replayed)))
    count = 0
    async for page in open_posters(database.fetch_rows, "cancelled", list(job_ids)):
        await publisher.publish([cancelled(poster) for poster in page])
        count += len(page)
    return count


def _cancellations(rows: Sequence[asyncpg.Record]) -> Iterator[Record]:
    for row in rows:
        yield job_cancellation(
            row["job_id"],
            row["cancelled_up_to"],
            at=row["cancel_requested_at"],
            source=row["source"],
            reason=row["cancel_reason"],
            headers=event_headers(),
        )


def cancelled(poster: OpenPoster) -> Record:
    """Return the record that cancels the poster."""
    return _events(poster).cancelled()


def failed(poster: OpenPoster, code: ErrorCode, message: str) -> Record:
    """Return the record that fails the poster."""
    return _events(poster).timed_out(code, message)


def _events(poster: OpenPoster) -> PosterEvents:
    return PosterEvents(poster=poster, now=poster.ended_at, headers=event_headers())


def open_poster(row: asyncpg.Record) -> OpenPoster:
    """Return the poster of a row."""
    version: UUID | None = row["template_version_id"]
    # asyncpg's own UUID type is none that the encoder knows.
    plain = {"template_version_id": version and UUID(int=version.int), "metadata": orjson.loads(row["metadata"])}
    return OpenPoster(**{**row, **plain})

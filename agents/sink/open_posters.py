"""Posters without an outcome that will not get one by themselves: the sink publishes their outcome.

The sink cancels those of cancelled jobs; the janitor fails those that are overdue.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

import asyncpg
import orjson

from agents.cancellations import call_off
from agents.postgres import Database
from schemas.codes import ErrorCode, is_retryable
from schemas.envelope import fact_id
from schemas.fields import JsonObject
from schemas.outcomes import Failure, PosterOutcome
from schemas.topics import POSTER_COMPLETIONS
from streams.delivery import Publisher, Record
from streams.records import event_headers, event_record
from streams.sql import named_queries

SQL: Final = named_queries(Path(__file__).with_name("open_posters.sql"))

Reason = Literal["cancelled", "incomplete", "expired", "stale"]
"""Why a poster gets its outcome from the sink; each is a query of open_posters.sql."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPoster:
    """A poster without an outcome. `ended_at` is the time of the outcome that it gets, the same in every sweep."""

    job_id: str
    poster_index: int
    entity_id: str
    generation: int
    attempt: int
    template_version_id: UUID | None
    section: str | None
    template_version: int | None
    metadata: JsonObject
    source: str | None
    ended_at: datetime


async def open_posters(database: Database, reason: Reason, *arguments: object) -> AsyncIterator[list[OpenPoster]]:
    """Yield the open posters that are due for this reason, in pages. Raises UnavailableError."""
    after = ("", -1)
    while True:
        rows = await database.fetch_rows(SQL[reason], *after, *arguments)
        if not rows:
            return
        page = [_poster(row) for row in rows]
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
    async for page in open_posters(database, "cancelled", list(job_ids)):
        await publisher.publish([cancelled(poster) for poster in page])
        count += len(page)
    return count


def _cancellations(rows: Sequence[asyncpg.Record]) -> Iterator[Record]:
    for row in rows:
        yield call_off(
            row["job_id"],
            row["cancelled_up_to"],
            at=row["cancel_requested_at"],
            source=row["source"],
            reason=row["cancel_reason"],
            headers=event_headers(),
        )


def cancelled(poster: OpenPoster) -> Record:
    """Return the record that calls the poster off."""
    return _record(
        PosterOutcome(
            type="poster.cancelled",
            status="cancelled",
            event_id=fact_id("poster.cancelled", poster.job_id, poster.poster_index, poster.generation),
            **_identity(poster),
        )
    )


def failed(poster: OpenPoster, code: ErrorCode, message: str) -> Record:
    """Return the record that fails the poster."""
    return _record(
        PosterOutcome(
            type="poster.failed",
            status="failed",
            event_id=fact_id("poster.failed", code, poster.job_id, poster.poster_index, poster.generation),
            error=Failure(code=code, message=message, retryable=is_retryable(code)),
            **_identity(poster),
        )
    )


def _identity(poster: OpenPoster) -> dict[str, Any]:
    return {
        "occurred_at": poster.ended_at,
        "source": poster.source,
        "job_id": poster.job_id,
        "poster_index": poster.poster_index,
        "entity_id": poster.entity_id,
        "template_version_id": poster.template_version_id,
        "section": poster.section,
        "template_version": poster.template_version,
        "attempt": poster.attempt,
        "generation": poster.generation,
        "metadata": poster.metadata,
    }


def _record(outcome: PosterOutcome) -> Record:
    return event_record(POSTER_COMPLETIONS, outcome.job_id, outcome, event_headers())


def _poster(row: asyncpg.Record) -> OpenPoster:
    version: UUID | None = row["template_version_id"]
    # asyncpg's own UUID type is none that the encoder knows.
    plain = {"template_version_id": version and UUID(int=version.int), "metadata": orjson.loads(row["metadata"])}
    return OpenPoster(**{**row, **plain})

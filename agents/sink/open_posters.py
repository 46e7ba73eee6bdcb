"""Posters that have not ended and never will by themselves: what the sink says of them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal
from uuid import UUID

import asyncpg
import orjson

from agents.events import PosterEvents, PosterIdentity
from agents.sink.database import Database
from schemas.codes import ErrorCode
from streams.delivery import Record
from streams.records import event_headers
from streams.sql import named_queries

SQL: Final = named_queries(Path(__file__).with_name("open_posters.sql"))

Question = Literal["cancelled", "incomplete", "expired", "stale"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPoster(PosterIdentity):
    """A poster without an outcome, and since when it counts as ended."""

    ended_at: datetime


async def open_posters(database: Database, question: Question, *arguments: object) -> AsyncIterator[list[OpenPoster]]:
    """Yield the posters that `question` asks for, in pages. Raises UnavailableError."""
    after = ("", -1)
    while True:
        rows = await database.fetch_rows(SQL[question], *after, *arguments)
        if not rows:
            return
        page = [_poster(row) for row in rows]
        yield page
        after = (page[-1].job_id, page[-1].poster_index)


def cancelled(poster: OpenPoster) -> Record:
    """Return the record that cancels the poster."""
    return _events(poster).cancelled()


def failed(poster: OpenPoster, code: ErrorCode, message: str) -> Record:
    """Return the record that fails the poster."""
    return _events(poster).timed_out(code, message)


def _events(poster: OpenPoster) -> PosterEvents:
    return PosterEvents(poster=poster, now=poster.ended_at, headers=event_headers())


def _poster(row: asyncpg.Record) -> OpenPoster:
    version: UUID | None = row["template_version_id"]
    # asyncpg's own UUID type is none that the encoder knows.
    plain = {"template_version_id": version and UUID(int=version.int), "metadata": orjson.loads(row["metadata"])}
    return OpenPoster(**{**row, **plain})

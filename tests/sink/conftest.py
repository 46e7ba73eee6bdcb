"""A sink on a real database, with its ports in memory."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest

from agents.postgres import Database
from agents.sink.database import sink_database
from agents.sink.sink import Sink
from tests.sink.ports import Announcements, RecordedDeadLetters
from tests.sink.topics import Topics


@dataclass
class SinkHarness:
    """A sink and its connection, its publisher and dead letters, its waits, and queries of its tables."""

    url: str
    topics: Topics
    announcements: Announcements
    dead_letters: RecordedDeadLetters
    sink: Sink
    database: Database
    waits: list[str | None] = field(default_factory=list)

    async def fetch(self, query: str, *arguments: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query on a connection of its own."""
        connection = await asyncpg.connect(self.url)
        try:
            return [tuple(row) for row in await connection.fetch(query, *arguments)]
        finally:
            await connection.close()

    async def posters(self, columns: str) -> list[tuple[Any, ...]]:
        """Return columns of all results in the order of their keys."""
        return await self.fetch(f"SELECT {columns} FROM template_poster_results ORDER BY job_id, poster_index")  # noqa: S608

    async def jobs(self, columns: str) -> list[tuple[Any, ...]]:
        """Return columns of all jobs in the order of their ids."""
        return await self.fetch(f"SELECT {columns} FROM template_generation_jobs ORDER BY job_id")  # noqa: S608


@pytest.fixture
async def harness(database: str) -> AsyncIterator[SinkHarness]:
    """A sink on an empty database."""
    connection = sink_database(database)
    announcements, dead_letters, waits = Announcements(), RecordedDeadLetters(), list[str | None]()

    async def sleep(_: float) -> None:
        """Time passes at once."""

    sink = Sink(connection, announcements, dead_letters, declare_wait=waits.append, sleep=sleep)
    yield SinkHarness(
        url=database,
        topics=Topics(),
        announcements=announcements,
        dead_letters=dead_letters,
        sink=sink,
        database=connection,
        waits=waits,
    )
    await connection.close()

"""What is recorded of a job, from Postgres."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg

from agents.postgres import UNANSWERED
from agents.settings import Settings
from posters.main import CommandError
from streams.errors import UnavailableError
from streams.sql import named_queries

SQL: Final = named_queries(Path(__file__).with_name("jobs.sql"))
CONNECT_SECONDS: Final = 5.0
JOB_ID: Final = r"[A-Za-z0-9_-]{1,80}"
ENDED: Final = frozenset({"completed", "failed", "cancelled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job's row, and the first of its posters."""

    row: dict[str, Any]
    posters: list[dict[str, Any]]

    @property
    def ended(self) -> bool:
        """Whether every poster has its outcome."""
        return self.row["status"] in ENDED

    @property
    def done(self) -> int:
        """How many posters have their outcome."""
        return int(self.row["success_count"] + self.row["failure_count"] + self.row["cancelled_count"])


class Jobs:
    """Reads jobs on one connection."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def find(self, job_id: str, posters: int = 0) -> Job | None:
        """Return the job with up to `posters` of its posters, or None. Raises CommandError for what is no job id."""
        if re.fullmatch(JOB_ID, job_id) is None:
            raise CommandError(f"{job_id!r} is no job id: letters, digits, `_` and `-`, 80 at most")
        row = await self._connection.fetchrow(SQL["job"], job_id)
        rows = await self._connection.fetch(SQL["posters"], job_id, posters) if row is not None else []
        return None if row is None else Job(row=dict(row), posters=[dict(item) for item in rows])

    async def ended(self, job_id: str, statuses: Sequence[str]) -> list[dict[str, Any]]:
        """Return index, generation and pinned template of the job's posters that ended in one of these ways."""
        return [dict(row) for row in await self._connection.fetch(SQL["ended"], job_id, statuses)]


@asynccontextmanager
async def recorded_jobs(settings: Settings) -> AsyncIterator[Jobs]:
    """Give the recorded jobs. Raises UnavailableError where the database is away."""
    async with connected(settings) as connection:
        yield Jobs(connection)


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Any]:
    """Give a connection to the database. Raises UnavailableError, and CommandError before `posters setup`."""
    try:
        connection = await asyncpg.connect(settings.database_url, timeout=CONNECT_SECONDS)
    except (*UNANSWERED, asyncpg.PostgresError) as error:
        raise UnavailableError(
            f"no connection to the database of POSTERS_DATABASE_URL: {error or 'no answer'}"
        ) from error
    try:
        yield connection
    except asyncpg.UndefinedTableError as error:
        raise CommandError("the database has not all tables of ours; run `posters setup`") from error
    finally:
        await connection.close()

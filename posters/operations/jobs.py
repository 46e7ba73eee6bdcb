"""The recorded state of jobs and their posters, read from Postgres."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agents.postgres import Connection
from agents.settings import Settings
from posters.operations.database import connected
from posters.operations.errors import OperationError
from streams.sql import named_queries

SQL: Final = named_queries(Path(__file__).with_name("jobs.sql"))
JOB_ID: Final = r"[A-Za-z0-9_-]{1,80}"
TERMINAL: Final = frozenset({"completed", "failed", "cancelled"})
POLL_SECONDS: Final = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job's row, and the first of its posters."""

    row: dict[str, Any]
    posters: list[dict[str, Any]]

    @property
    def ended(self) -> bool:
        """Whether every poster has its outcome."""
        return self.row["status"] in TERMINAL

    @property
    def done(self) -> int:
        """How many posters have their outcome."""
        return int(self.row["success_count"] + self.row["failure_count"] + self.row["cancelled_count"])


class Jobs:
    """Reads jobs on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find(self, job_id: str, posters: int = 0) -> Job | None:
        """Return the job with up to `posters` of its posters, or None. Raises OperationError for an invalid job id."""
        if re.fullmatch(JOB_ID, job_id) is None:
            raise OperationError(f"{job_id!r} is no job id: letters, digits, `_` and `-`, 80 at most")
        row = await self._connection.fetchrow(SQL["job"], job_id)
        rows = await self._connection.fetch(SQL["posters"], job_id, posters) if row is not None else []
        return None if row is None else Job(row=dict(row), posters=[dict(item) for item in rows])

    async def ended(self, job_id: str, statuses: Sequence[str]) -> list[dict[str, Any]]:
        """Return index, generation, pinned template and source of the job's posters whose status is one of these."""
        return [dict(row) for row in await self._connection.fetch(SQL["ended"], job_id, statuses)]


@asynccontextmanager
async def recorded_jobs(settings: Settings) -> AsyncIterator[Jobs]:
    """Give the recorded jobs. Raises UnavailableError, and OperationError before `posters setup`."""
    async with connected(settings) as connection:
        yield Jobs(connection)


async def find_job(settings: Settings, job_id: str, posters: int = 0) -> Job | None:
    """Return the job with up to `posters` of its posters, or None. Raises UnavailableError, OperationError."""
    async with recorded_jobs(settings) as jobs:
        return await jobs.find(job_id, posters)


async def watch_job(
    settings: Settings, job_id: str, timeout: float, on_change: Callable[[Job], None], clock: Callable[[], float]
) -> Job | None:
    """Poll the job until it has ended or `timeout` seconds have passed, and return its last state.

    `on_change` gets every state. Raises UnavailableError, OperationError.
    """
    deadline = clock() + timeout
    async with recorded_jobs(settings) as jobs:
        while True:
            job = await jobs.find(job_id)
            if job is not None:
                on_change(job)
            if (job is not None and job.ended) or clock() > deadline:
                return job
            await asyncio.sleep(POLL_SECONDS)

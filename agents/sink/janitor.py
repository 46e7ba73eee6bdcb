"""Periodic sweep: fail incomplete batches, expired posters and posters that have gone silent; delete what is outdated.

No event says that a part never arrived, a deadline passed unnoticed or a worker lost a poster; only time does.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from agents.postgres import Connection, Database
from agents.sink.missing_posters import MissingPosters, close_oversized_jobs
from agents.sink.open_posters import OpenPoster, cancelled, failed, open_posters
from schemas.codes import ErrorCode
from streams.delivery import Publisher, Record
from streams.errors import UnavailableError
from streams.retry import Sleep
from streams.sql import named_queries
from streams.topics import REQUESTS_AGE

logger = logging.getLogger(__name__)

EVERY_SECONDS: Final = 60.0
_ADVISORY_LOCK: Final = 0x706F_7374_6572_7302
_PARTITION_DAYS_AHEAD: Final = 7
SQL: Final = named_queries(Path(__file__).with_name("janitor.sql"))

QUOTA_USE_DAYS: Final = 35
"""The sums of a day are few; they are kept for a month, to look at."""
ROWS_A_CHUNK: Final = 1_000
CHUNKS_A_SWEEP: Final = 20
"""Each chunk is a transaction of its own, so that nobody waits for its locks for long. A sweep is a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepResult:
    """Posters that one sweep failed, by reason, and log partitions that it created and dropped.

    `abandoned` are posters of cancelled jobs that never came, `closed` jobs that declared more than a job may have.
    """

    incomplete: int
    expired: int
    stale: int
    partitions: int
    retired: int = 0
    abandoned: int = 0
    closed: int = 0


class Janitor:
    """Sweeps once a minute; of all sinks, one at a time.

    `batch_timeout` and `stale_after` are seconds, `log_retention` days (0: keep all). It needs a database connection
    of its own, because a sweep is one transaction, which holds the advisory lock.
    """

    def __init__(
        self,
        database: Database,
        publisher: Publisher,
        *,
        batch_timeout: float,
        stale_after: float,
        log_retention: int = 0,
        sleep: Sleep = asyncio.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._publisher = publisher
        self._batch_timeout = timedelta(seconds=batch_timeout)
        self._stale_after = timedelta(seconds=stale_after)
        self._log_retention = log_retention
        self._sleep = sleep
        self._now = now
        self._incomplete = MissingPosters("incomplete")
        self._abandoned = MissingPosters("abandoned")

    async def run(self) -> None:
        """Sweep until cancelled; a sweep that fails with UnavailableError is repeated a minute later."""
        while True:
            try:
                result = await self.sweep()
                logger.debug("sweep: %s", result)
                logger.debug("sweep: %d outdated rows deleted", await self.delete_outdated(self._now()))
            except UnavailableError as error:
                logger.warning("sweep failed, next one in %.0f s: %s", EVERY_SECONDS, error)
            await self._sleep(EVERY_SECONDS)

    async def sweep(self) -> SweepResult | None:
        """Fail overdue posters and create log partitions ahead; None where another sink is sweeping.

        Idempotent: another sweep publishes the same events. Raises UnavailableError.
        """
        # The lock of a transaction: behind a connection pooler, that of a session would stay with somebody else.
        async with self._database.transaction() as connection:
            if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _ADVISORY_LOCK):
                return None
            return SweepResult(
                closed=await close_oversized_jobs(connection, self._publisher, self._batch_timeout),
                abandoned=await self._publish_all(self._abandoned.pages(connection.fetch, None), cancelled),
                incomplete=await self._fail(
                    self._incomplete.pages(connection.fetch, self._batch_timeout),
                    "incomplete_batch",
                    lambda _: (
                        f"no part of the batch brought this poster within {self._batch_timeout} of the first part"
                    ),
                ),
                expired=await self._fail(
                    open_posters(connection.fetch, "expired"),
                    "expired",
                    lambda poster: f"the deadline {poster.ended_at.isoformat()} passed before it was rendered",
                ),
                stale=await self._fail(
                    open_posters(connection.fetch, "stale", self._stale_after),
                    "internal",
                    lambda _: f"nothing was heard of this poster for {self._stale_after}; request it again",
                ),
                partitions=await connection.fetchval("SELECT make_log_partitions(0, $1)", _PARTITION_DAYS_AHEAD),
                retired=await self._retire_log_partitions(connection),
            )

    async def delete_outdated(self, now: datetime) -> int:
        """Delete what no request can need any more, in chunks; return how many rows that were. Raises UnavailableError.

        Early cancels, rows of jobs that nobody has requested, replays that were carried out, and what was counted for
        quotas: of an age that no request has any more. Of owners and erasures nothing is deleted. Any number of sinks
        may do so at once.
        """
        before = now - REQUESTS_AGE
        last_day = now.date() - timedelta(days=QUOTA_USE_DAYS)
        chunks = (
            (SQL["forget_unclaimed"], before),
            (SQL["forget_finished_replays"], before),
            (SQL["forget_quota_requests"], before.date()),
            (SQL["forget_quota_use"], last_day),
        )
        deleted = 0
        for query, until in chunks:
            for _ in range(CHUNKS_A_SWEEP):
                count: int = await self._database.fetch_value(query, until, ROWS_A_CHUNK)
                deleted += count
                if count < ROWS_A_CHUNK:
                    break
        return deleted

    async def _retire_log_partitions(self, connection: Connection) -> int:
        if not self._log_retention:
            return 0
        retired: int = await connection.fetchval("SELECT retire_log_partitions($1)", self._log_retention)
        return retired

    async def _fail(
        self, pages: AsyncIterator[list[OpenPoster]], code: ErrorCode, message: Callable[[OpenPoster], str]
    ) -> int:
        count = await self._publish_all(pages, lambda poster: failed(poster, code, message(poster)))
        if count:
            logger.warning("%d posters failed with %s", count, code)
        return count

    async def _publish_all(
        self, pages: AsyncIterator[list[OpenPoster]], outcome: Callable[[OpenPoster], Record]
    ) -> int:
        count = 0
        async for page in pages:
            await self._publisher.publish([outcome(poster) for poster in page])
            count += len(page)
        return count

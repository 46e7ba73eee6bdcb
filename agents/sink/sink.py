"""The steps of a batch: decode its records, flush the rows to Postgres, announce what changed. Knows no Faust."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeVar

from agents import metrics
from agents.ownership import JobCommand, JobOwnersTable, may_replay
from agents.postgres import BadRowError, Database
from agents.sink.decode import rows_of, salvaged_rows
from agents.sink.flush import JobState, WrittenBatch, flush
from agents.sink.isolate_bad_rows import isolate_bad_rows
from agents.sink.job_events import job_records
from agents.sink.merge import MergedBatch, merge
from agents.sink.open_posters import cancel_open_posters
from agents.sink.owned_rows import REQUEST_TOPICS, command_of, owned_rows
from agents.sink.rows import CancelRow, PosterRow, Row
from schemas.codec import ContractError
from schemas.salvage import salvage
from streams.dead_letters.dead_letters import DeadLetters
from streams.delivery import Delivery, Publisher
from streams.failpoint import failpoint
from streams.health.liveness import DeclareWait, declare_wait
from streams.logs import log_delivery
from streams.retry import Sleep, retry_while_unavailable
from streams.time_slices import TimeSlices
from streams.tracing import flushing

T = TypeVar("T")

ROWS_A_FLUSH: Final = 1_000
BYTES_A_FLUSH: Final = 8 * 1024 * 1024
JOBS_A_PIECE: Final = 100
"""Jobs that are announced at a time: building their events and handing them to the producer takes some 5 ms."""
LONGEST_BACKOFF_SECONDS: Final = 2.0
"""There are few sinks and one database: frequent retries cost it nothing, and a restart is noticed soon."""


@dataclass(slots=True)
class Counts:
    """What a sink has done since its start.

    `moved`: posters whose state changed. `conflicts`: contradicting outcomes that were not applied. `logged`: lines.
    `dead_letters`: records. `skipped`: requests that could not be decoded; intake answers those.
    """

    records: int = 0
    moved: int = 0
    conflicts: int = 0
    logged: int = 0
    dead_letters: int = 0
    skipped: int = 0

    def add(self, written: WrittenBatch, batch: MergedBatch) -> None:
        """Count one flush, here and in the metrics."""
        conflicts = written.conflicts + batch.conflicts
        self.moved += written.moved
        self.conflicts += conflicts
        self.logged += written.logged
        metrics.SINK_MOVED.inc(written.moved)
        metrics.CONFLICTS.inc(conflicts)
        metrics.SINK_LOGGED.inc(written.logged)
        for poster in written.ended:
            metrics.OUTCOMES.labels(poster.status, poster.error_code or "").inc()
            if poster.seconds is not None:
                kind = "single" if poster.single else "batch"
                metrics.END_TO_END.labels(kind).observe(max(0.0, poster.seconds))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    delivery: Delivery
    rows: list[Row]
    command: JobCommand | None = None
    """What it asks of its job, where it is a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedBatch:
    """The rows of a batch of records, and the undecodable records with the reason."""

    deliveries: Sequence[Delivery]
    entries: list[_Entry]
    undecodable: list[tuple[Delivery, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlushResult:
    """Jobs that one transaction changed, and the records that caused it, by job. `span` stands for the transaction."""

    jobs: list[JobState]
    causes: dict[str, Delivery]
    span: object = None


class Sink:
    """Writes batches, one flush at a time. Meanwhile others may be decoded and announced.

    `declare_wait` is called with the reason of a wait, and with None when it ends. `replay_header`: generations in
    headers on `poster-requests` count. `count_bytes`: so do the bytes of pictures, for the quotas of their sources.
    """

    def __init__(
        self,
        database: Database,
        publisher: Publisher,
        dead_letters: DeadLetters,
        *,
        replay_header: bool = True,
        count_bytes: bool = False,
        declare_wait: DeclareWait = declare_wait,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._replay_header = replay_header
        self._count_bytes = count_bytes
        self.counts = Counts()
        self._database = database
        self._owners = JobOwnersTable(database)
        self._publisher = publisher
        self._dead_letters = dead_letters
        self._declare_wait = declare_wait
        self._sleep = sleep

    async def process(self, deliveries: Sequence[Delivery]) -> None:
        """Decode, flush and announce these records. Raises SchemaMismatchError."""
        await self.announce(await self.flush(await self.decode(deliveries)))

    async def decode(self, deliveries: Sequence[Delivery]) -> DecodedBatch:
        """Return the rows of the records. Waits for nothing but other tasks of the event loop."""
        batch = DecodedBatch(deliveries=deliveries, entries=[], undecodable=[])
        slices = TimeSlices()
        for delivery in deliveries:
            await slices.end_slice_if_due()
            try:
                rows = self._rows_of(delivery)
            except ContractError as error:
                batch.undecodable.append((delivery, str(error)))
                continue
            if rows:
                batch.entries.append(_Entry(delivery=delivery, rows=rows, command=command_of(delivery, rows)))
        return batch

    async def flush(self, batch: DecodedBatch) -> list[FlushResult]:
        """Return what changed, once all rows of the batch are durable.

        Records of a partition come in its order. While the database or the broker is unavailable this retries forever.
        A record that cannot be decoded or stored becomes a dead letter, alone. Raises SchemaMismatchError.
        """
        for delivery, reason in batch.undecodable:
            with log_delivery(delivery):
                await self._dead_letter(delivery, reason)
        results: list[FlushResult] = []
        for chunk in _chunks(await self._owned(batch.entries)):
            await isolate_bad_rows(chunk, partial(self._flush, results), self._reject)
        self.counts.records += len(batch.deliveries)
        metrics.SINK_RECORDS.inc(len(batch.deliveries))
        return results

    async def announce(self, results: Iterable[FlushResult]) -> None:
        """Publish the job-events of the results; while the broker is unavailable this retries forever."""
        for result in results:
            for first in range(0, len(result.jobs), JOBS_A_PIECE):
                records = job_records(result.jobs[first : first + JOBS_A_PIECE], result.causes, result.span)
                await self._retry(partial(self._publisher.publish, records))
        failpoint("sink announced")

    async def _owned(self, entries: list[_Entry]) -> list[_Entry]:
        """Return what may be written of a batch: requests of a job's owner. Intake makes dead letters of the others."""
        commands = [entry.command for entry in entries if entry.command is not None]
        if not commands:
            return entries
        grants = iter(await self._retry(lambda: self._owners.claim(commands)))
        owned: list[_Entry] = []
        for entry in entries:
            if entry.command is None:
                owned.append(entry)
                continue
            rows = owned_rows(entry.rows, entry.command, next(grants))
            generation, topic = entry.command.generation, entry.delivery.topic
            if rows and may_replay(generation, topic, by_header=self._replay_header):
                owned.append(replace(entry, rows=rows))
        return owned

    def _rows_of(self, delivery: Delivery) -> list[Row]:
        try:
            return rows_of(delivery)
        except ContractError:
            if delivery.topic not in REQUEST_TOPICS:
                raise
        self.counts.skipped += 1
        metrics.SINK_SKIPPED.inc()
        salvaged = salvage(delivery.value)
        return salvaged_rows(salvaged, delivery) if salvaged is not None else []

    async def _flush(self, results: list[FlushResult], entries: Sequence[_Entry]) -> None:
        batch = merge(row for entry in entries for row in entry.rows)
        metrics.SINK_BATCH_ROWS.observe(len(batch.jobs) + len(batch.posters) + len(batch.cancels) + len(batch.logs))
        failpoint("sink flushing")
        with metrics.SINK_FLUSH_SECONDS.time(), flushing([entry.delivery for entry in entries]) as span:
            written = await self._retry(lambda: flush(self._database, batch, count_bytes=self._count_bytes))
        failpoint("sink committed")
        self.counts.add(written, batch)
        if written.jobs:
            causes = {entry.rows[0].job_id: entry.delivery for entry in entries}
            results.append(FlushResult(jobs=written.jobs, causes=causes, span=span))
        if written.cancelled:
            await self._retry(lambda: cancel_open_posters(self._database, self._publisher, written.cancelled))

    async def _reject(self, entry: _Entry, error: BadRowError) -> None:
        with log_delivery(entry.delivery, entry.rows[0]):
            await self._dead_letter(entry.delivery, str(error))

    async def _dead_letter(self, delivery: Delivery, reason: str) -> None:
        self.counts.dead_letters += 1
        await self._retry(lambda: self._dead_letters.put(delivery, "invalid_request", reason))

    async def _retry(self, action: Callable[[], Awaitable[T]]) -> T:
        return await retry_while_unavailable(
            action, longest=LONGEST_BACKOFF_SECONDS, declare=self._declare_wait, sleep=self._sleep
        )


def _chunks(entries: Iterable[_Entry]) -> Iterator[list[_Entry]]:
    """Yield runs of entries that fit one transaction: a record may stand for 500 posters.

    A cancel covers the generations that exist when it is written, so a replay after it is not in its run.
    """
    chunk: list[_Entry] = []
    rows = size = 0
    cancelled: set[str] = set()
    for entry in entries:
        full = rows >= ROWS_A_FLUSH or size >= BYTES_A_FLUSH
        if chunk and (full or (cancelled and _replays(entry, cancelled))):
            yield chunk
            chunk, rows, size, cancelled = [], 0, 0, set()
        chunk.append(entry)
        cancelled |= {row.job_id for row in entry.rows if isinstance(row, CancelRow)}
        rows += len(entry.rows)
        size += len(entry.delivery.value or b"")
    if chunk:
        yield chunk


def _replays(entry: _Entry, jobs: set[str]) -> bool:
    return any(isinstance(row, PosterRow) and row.generation > 0 and row.job_id in jobs for row in entry.rows)

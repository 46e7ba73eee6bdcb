"""Rebuild the sink's tables from the retained topics, beside the recorded ones, and compare the two."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Message

from agents.settings import Settings
from agents.sink.database import sink_database
from agents.sink.sink import Sink
from posters.operations.audit import audit_record
from posters.operations.database import connected
from posters.operations.kafka_client import KafkaClient, headers_of
from posters.operations.migrations import migrate
from streams.delivery import Delivery, Record, arrival_time
from streams.sql import named_queries
from streams.topics import EDGES

SQL: Final = named_queries(Path(__file__).with_name("rebuild.sql"))
SCHEMA: Final = "posters_rebuild"
BATCH_RECORDS: Final = 500
DIFFERENCES: Final = ("job_differences", "poster_differences", "log_differences")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What a rebuild read and wrote, and the jobs that the recorded tables hold differently."""

    records: int
    unusable: int
    jobs: int
    posters: int
    lines: int
    different: tuple[str, ...]


class _NullPublisher:
    """Publishes nothing: the events of a rebuilding sink were published when the records were first read."""

    async def publish(self, _: Iterable[Record]) -> None:
        """Discard the records."""


class _UnusableCounter:
    """Counts records that cannot be used, in place of dead letters: they are dead letters already."""

    def __init__(self) -> None:
        self.count = 0

    async def put(self, delivery: Delivery, reason: str, error: str) -> None:
        """Count one record."""
        self.count += 1


async def rebuild(settings: Settings) -> Rebuilt:
    """Fill the tables of the schema `posters_rebuild` and compare them. Raises UnavailableError, OperationError."""
    async with connected(settings) as connection:
        await connection.execute(SQL["begin"])
    shadow = _with_search_path(settings.database_url)
    # Raises where a connection pooler does not pass on the search path: the recorded tables must not be written to.
    await migrate(shadow)
    async with connected(settings) as connection:
        await connection.execute(SQL["keep_owners"])
    database, unusable = sink_database(shadow), _UnusableCounter()
    sink = Sink(database, _NullPublisher(), unusable, replay_header=settings.replay_header == "accept")
    try:
        records = await _read(settings, sink)
    finally:
        await database.close()
    async with connected(settings) as connection:
        await connection.execute(SQL["keep_erased"])
        size = await connection.fetchrow(SQL["size"])
        assert size is not None  # noqa: S101 - an aggregate without GROUP BY has one row
        different = [row["job_id"] for query in DIFFERENCES for row in await connection.fetch(SQL[query])]
    return Rebuilt(**size, records=records, unusable=unusable.count, different=tuple(dict.fromkeys(different)))


async def replace(settings: Settings, rebuilt: Rebuilt, now: datetime) -> None:
    """Replace the recorded rows by the rebuilt ones, in one transaction. Raises UnavailableError, OperationError."""
    async with connected(settings) as connection, connection.transaction():
        await connection.execute(SQL["replace"])
    details = {"jobs": rebuilt.jobs, "different": len(rebuilt.different)}
    message = f"{rebuilt.jobs} jobs replaced by what the topics say"
    audit = audit_record("rebuild", "tables_rebuilt", message, details, now)
    await asyncio.to_thread(KafkaClient(settings).publish, [audit])


async def _read(settings: Settings, sink: Sink) -> int:
    client, count = KafkaClient(settings), 0
    for topic in EDGES["sink"].consumes:
        with client.reader(topic, from_beginning=True) as reader:
            batches = _batches(reader.until_end())
            while batch := await asyncio.to_thread(next, batches, None):
                await sink.process([_delivery(topic, message) for message in batch])
                count += len(batch)
    return count


def _batches(messages: Iterator[Message]) -> Iterator[Sequence[Message]]:
    batch: list[Message] = []
    for message in messages:
        batch.append(message)
        if len(batch) == BATCH_RECORDS:
            yield batch
            batch = []
    if batch:
        yield batch


def _delivery(topic: str, message: Message) -> Delivery:
    kind, milliseconds = message.timestamp()
    by_producer = kind != TIMESTAMP_LOG_APPEND_TIME
    return Delivery(
        topic=topic,
        partition=cast("int", message.partition()),
        offset=cast("int", message.offset()),
        timestamp=arrival_time(milliseconds, datetime.now(UTC), by_producer=by_producer),
        key=_bytes(message.key()),
        value=_bytes(message.value()),
        headers=headers_of(message),
        stamped=milliseconds,
    )


def _bytes(value: Any) -> bytes | None:
    return cast("bytes | None", value)


def _with_search_path(database_url: str) -> str:
    return f"{database_url}{'&' if '?' in database_url else '?'}search_path={SCHEMA}"

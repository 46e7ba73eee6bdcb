"""Making the sink's tables anew from what the topics retain, beside the recorded ones."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Message

from agents.settings import Settings
from agents.sink.database import Database
from agents.sink.flush import FLUSH_FUNCTION
from agents.sink.sink import Sink
from posters.operations.jobs import connected
from posters.operations.kafka_client import KafkaClient, headers_of
from posters.operations.migrations import migrate
from streams.delivery import Delivery, Record, arrival_time
from streams.sql import named_queries
from streams.topics import EDGES

SQL: Final = named_queries(Path(__file__).with_name("rebuild.sql"))
SCHEMA: Final = "posters_rebuild"
BATCH_RECORDS: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What a rebuild read and made, and the jobs of which the recorded tables say something else."""

    records: int
    unusable: int
    jobs: int
    posters: int
    lines: int
    different: tuple[str, ...]


class _Nobody:
    """Where a rebuilding sink publishes: everything it would say has been said."""

    async def publish(self, _: Iterable[Record]) -> None:
        """Say nothing."""


class _Counted:
    """Records that cannot be used, counted: they are dead letters already."""

    def __init__(self) -> None:
        self.count = 0

    async def put(self, delivery: Delivery, reason: str, error: str) -> None:
        """Count one."""
        self.count += 1


async def rebuild(settings: Settings) -> Rebuilt:
    """Fill the tables of the schema `posters_rebuild` and compare them. Raises UnavailableError, MigrationError."""
    async with connected(settings) as connection:
        await connection.execute(SQL["begin"])
    shadow = _with_search_path(settings.database_url)
    await migrate(shadow)
    database, unusable = Database(shadow, on_connect=FLUSH_FUNCTION), _Counted()
    sink = Sink(database, _Nobody(), unusable)
    try:
        records = await _read(settings, sink)
    finally:
        await database.close()
    async with connected(settings) as connection:
        await connection.execute(SQL["keep_erased"])
        size = await connection.fetchrow(SQL["size"])
        different = [row["job_id"] for query in DIFFERENCES for row in await connection.fetch(SQL[query])]
    return Rebuilt(**size, records=records, unusable=unusable.count, different=tuple(dict.fromkeys(different)))


DIFFERENCES: Final = ("job_differences", "poster_differences", "log_differences")


async def replace(settings: Settings) -> None:
    """Put the rebuilt rows in the place of the recorded ones, in one transaction. Raises UnavailableError."""
    async with connected(settings) as connection, connection.transaction():
        await connection.execute(SQL["replace"])


async def _read(settings: Settings, sink: Sink) -> int:
    client, count = KafkaClient(settings), 0
    for topic in EDGES["sink"].consumes:
        with client.following(topic, from_beginning=True) as follower:
            batches = _batches(follower.present())
            while batch := await asyncio.to_thread(next, batches, None):
                await sink.flush([_delivery(message) for message in batch])
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


def _delivery(message: Message) -> Delivery:
    kind, milliseconds = message.timestamp()
    by_producer = kind != TIMESTAMP_LOG_APPEND_TIME
    return Delivery(
        topic=cast("str", message.topic()),
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

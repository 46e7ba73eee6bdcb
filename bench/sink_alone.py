"""The sink without the broker: records come decoded from nothing but memory, and job-events go nowhere.

What is measured is decoding, the transaction and encoding, in batches of 500 as the role takes them.
"""

import asyncio
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from agents.sink.agent import BATCH_RECORDS
from agents.sink.database import sink_database
from agents.sink.sink import DecodedBatch, Sink
from bench.events import stream
from posters.operations.migrations import migrate
from streams.delivery import Delivery, Record
from tests.parts import PostgresServer


class Nowhere:
    """Publisher and dead letters that discard everything."""

    async def publish(self, records: Iterable[Record]) -> None:
        """Take the records."""

    async def put(self, delivery: Delivery, reason: str, error: str) -> None:
        """Refuse: nothing here is bad."""
        raise AssertionError(f"{reason}: {error}")


async def events_a_second(sink: Sink, deliveries: Sequence[Delivery]) -> float:
    """Write the records in the role's batches, each read while the one before it is written, as the role does."""
    began = time.perf_counter()
    writing = asyncio.create_task(asyncio.sleep(0))
    for start in range(0, len(deliveries), BATCH_RECORDS):
        batch = await sink.decode(deliveries[start : start + BATCH_RECORDS])
        await writing
        writing = asyncio.create_task(_flush_and_announce(sink, batch))
        await asyncio.sleep(0)
    await writing
    return len(deliveries) / (time.perf_counter() - began)


async def _flush_and_announce(sink: Sink, batch: DecodedBatch) -> None:
    await sink.announce(await sink.flush(batch))


async def alone(posters: int) -> tuple[float, float]:
    """Return events a second of one sink: for new ones, and for the same ones delivered again."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as directory,
        PostgresServer(Path(directory) / "postgres", settings={}) as server,
    ):
        server.create("bench")
        await migrate(server.url("bench"))
        database = sink_database(server.url("bench"))
        sink = Sink(database, Nowhere(), Nowhere())
        await events_a_second(sink, stream(BATCH_RECORDS))
        deliveries = stream(posters)
        fresh = await events_a_second(sink, deliveries)
        again = await events_a_second(sink, deliveries)
        await database.close()
    return fresh, again

"""`python -m bench.sink`: how many events a second a sink writes, every guard on, against a durable PostgreSQL.

Without the broker: records come decoded from nothing but memory, and job-events go nowhere. What is measured is
decoding, the transaction and encoding, in batches of 500 as the role takes them.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from agents.sink.agent import BATCH_RECORDS
from agents.sink.database import Database
from agents.sink.flush import FLUSH_FUNCTION
from agents.sink.sink import Sink
from posters.migrations import migrate
from schemas import topics
from schemas.codec import encode
from schemas.envelope import Envelope
from schemas.outcomes import PosterOutcome
from schemas.progress import LogRecorded, PosterProgress
from schemas.requests import PosterRequested
from streams.delivery import Delivery, Record
from tests.parts import PostgresServer

VERSION = UUID("00000000-0000-4000-8000-000000000001")
SPREAD = 200
"""How many posters are on their way at once: the events of one are so far apart in the stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Events a second of one process: when they are news, and when the same come again."""

    events: int
    fresh: float
    again: float


class Nowhere:
    """Publisher and dead letters that keep nothing."""

    async def publish(self, records: Iterable[Record]) -> None:
        """Take the records."""

    async def put(self, delivery: Delivery, reason: str, error: str) -> None:
        """Refuse: nothing here is bad."""
        raise AssertionError(f"{reason}: {error}")


def poster_events(job_id: str, now: datetime) -> Iterator[tuple[str, Envelope]]:
    """Yield the five events of a poster that succeeds, and one log line, with their topics."""
    version = {"template_version_id": VERSION, "section": "campaign", "template_version": 3}
    same = {"occurred_at": now, "source": "site", "job_id": job_id}
    poster = {"entity_id": f"testimonial-{job_id[-6:]}", "metadata": {"user_id": 7, "testimonial_id": 11}}
    data = {"name": "Amara Okafor", "text": "It simply works, every single day. " * 6, "rating": 4.7}
    yield (
        topics.POSTER_REQUESTS,
        PosterRequested(event_id=uuid4(), template_id="campaign_latest", custom_data=data, **poster, **same),
    )
    for step in ("poster.queued", "poster.processing"):
        yield (
            topics.POSTER_PROGRESS,
            PosterProgress(type=step, event_id=uuid4(), poster_index=0, **version, **poster, **same),
        )
    yield topics.POSTER_LOGS, LogRecorded(event_id=uuid4(), level="INFO", code="rendered", message="in 95 ms", **same)
    key = f"templates/campaign/{job_id}.png"
    yield (
        topics.POSTER_COMPLETIONS,
        PosterOutcome(
            type="poster.completed",
            status="completed",
            event_id=uuid4(),
            poster_index=0,
            url=f"https://posters.example/{key}",
            object_key=key,
            sha256="ab" * 32,
            size_bytes=412_345,
            width=1080,
            height=1080,
            format="png",
            generation_time_ms=95,
            queue_time_ms=12,
            **version,
            **poster,
            **same,
        ),
    )


def stream(posters: int) -> list[Delivery]:
    """Return the events of so many posters as they would come: the steps of one spread over those of others."""
    now = datetime.now(UTC)
    placed = []
    for number in range(posters):
        job_id = f"template_gen_{uuid4().hex}"
        for step, (topic, event) in enumerate(poster_events(job_id, now)):
            placed.append((number + step * SPREAD, topic, job_id, encode(event)))
    placed.sort(key=lambda item: item[0])
    return [
        Delivery(topic=topic, partition=0, offset=offset, timestamp=now, key=job_id.encode(), value=value)
        for offset, (_, topic, job_id, value) in enumerate(placed)
    ]


async def events_a_second(sink: Sink, deliveries: Sequence[Delivery]) -> float:
    """Flush the records in the role's batches."""
    began = time.perf_counter()
    for start in range(0, len(deliveries), BATCH_RECORDS):
        await sink.flush(deliveries[start : start + BATCH_RECORDS])
    return len(deliveries) / (time.perf_counter() - began)


async def measure(database_url: str, posters: int) -> Rates:
    """Measure one sink on a migrated database."""
    database = Database(database_url, on_connect=FLUSH_FUNCTION)
    sink = Sink(database, Nowhere(), Nowhere())
    await events_a_second(sink, stream(BATCH_RECORDS))
    deliveries = stream(posters)
    fresh = await events_a_second(sink, deliveries)
    again = await events_a_second(sink, deliveries)
    await database.close()
    return Rates(events=len(deliveries), fresh=fresh, again=again)


async def on_a_server(posters: int) -> Rates:
    """Measure on a server of our own, whose commits are durable."""
    with (
        tempfile.TemporaryDirectory(prefix="posters-", ignore_cleanup_errors=True) as directory,
        PostgresServer(Path(directory) / "postgres", settings={}) as server,
    ):
        server.create("bench")
        await migrate(server.url("bench"))
        return await measure(server.url("bench"), posters)


async def run(posters: int) -> None:
    """Measure and print."""
    rates = await on_a_server(posters)
    print(f"{rates.events:,} events: {rates.fresh:,.0f}/s fresh, {rates.again:,.0f}/s delivered again")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posters", type=int, default=10_000, help="each has five events")
    asyncio.run(run(parser.parse_args().posters))

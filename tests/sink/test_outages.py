"""Outages of the database or the broker: the sink retries its batch, loses nothing and makes no dead letter."""

import asyncio
import struct
from collections.abc import Iterable
from random import Random
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from agents.sink.database import sink_database
from agents.sink.flush import FLUSH_SIGNATURE
from agents.sink.sink import Sink
from streams.delivery import Record
from streams.errors import UnavailableError
from tests.parts import PostgresServer
from tests.sink.conftest import SinkHarness
from tests.sink.oracle import expected
from tests.sink.ports import Announcements, RecordedDeadLetters
from tests.sink.test_any_order import batches, check, prepare, stories
from tests.sink.topics import Topics


async def test_restarts_and_kills_of_the_database_cost_nothing(postgres: PostgresServer, database: str) -> None:
    """Two stops and two kills under a flushing sink: it waits, goes on, and every row is right."""
    random = Random(11)  # noqa: S311 - repeatable on purpose
    deliveries = stories(random, Topics(), contradicting=False)
    await prepare(database)
    connection, port, dead_letters = sink_database(database), Announcements(), RecordedDeadLetters()
    noticed = asyncio.Event()
    waits: list[str | None] = []

    def declare_wait(reason: str | None) -> None:
        waits.append(reason)
        if reason is not None:
            noticed.set()

    sink = Sink(connection, port, dead_letters, declare_wait=declare_wait)
    halts = [postgres.stop, postgres.kill, postgres.stop, postgres.kill]

    for number, batch in enumerate(batches(random, deliveries)):
        flush = asyncio.create_task(sink.process(batch))
        if number % 5 == 2 and halts:
            noticed.clear()
            await asyncio.sleep(0)  # the flush is on its way; it may still get its answer before the end
            halts.pop()()
            notice = asyncio.create_task(noticed.wait())
            await asyncio.wait([flush, notice], return_when=asyncio.FIRST_COMPLETED)
            notice.cancel()
            postgres.start()
        await flush
    await connection.close()

    assert halts == []
    assert any(waits)
    assert waits[-1] is None
    assert dead_letters.letters == []
    await check(database, expected(deliveries), [port])


async def test_a_locked_job_row_is_waited_for(harness: SinkHarness) -> None:
    """Somebody's open transaction holds a job: the sink says what it waits for and goes on when it is over."""
    await harness.sink.process([harness.topics.request("job")])
    holder = await asyncpg.connect(harness.url)
    await holder.execute(f"ALTER FUNCTION {FLUSH_SIGNATURE} SET lock_timeout = '20ms'")
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute("SELECT FROM template_generation_jobs FOR UPDATE")
    seen = asyncio.Event()

    def declare_wait(reason: str | None) -> None:
        if reason is not None and "55P03" in reason:
            seen.set()

    limited = sink_database(harness.url)
    sink = Sink(limited, harness.announcements, harness.dead_letters, declare_wait=declare_wait)
    flush = asyncio.create_task(sink.process([harness.topics.completed("job")]))
    await seen.wait()
    assert not flush.done()
    await transaction.rollback()
    await flush
    await holder.close()
    await limited.close()

    assert await harness.jobs("status") == [("completed",)]
    assert harness.dead_letters.letters == []


async def test_a_silent_database_is_unavailable(harness: SinkHarness) -> None:
    """A statement that is never answered ends in UnavailableError after the command's time, not in a hang."""
    silent = sink_database(harness.url, command_seconds=0.05)

    with pytest.raises(UnavailableError, match="unavailable: TimeoutError"):
        await silent.fetch_value("SELECT pg_sleep(60)")
    assert await silent.fetch_value("SELECT 1") == 1
    await silent.close()


class FarewellProxy:
    """Passes one connection on to the database; `farewell` says that the server ends, and leaves the line open."""

    LAST_WORD = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"

    def __init__(self, url: str) -> None:
        self._upstream = urlsplit(url)
        self._client: asyncio.StreamWriter | None = None
        self._ends = asyncio.TaskGroup()

    async def __aenter__(self) -> str:
        await self._ends.__aenter__()
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        return self._upstream._replace(netloc=f"{self._upstream.username}@127.0.0.1:{port}").geturl()

    async def __aexit__(self, *raised: Any) -> None:
        self._server.close()
        await self._ends.__aexit__(*raised)

    async def farewell(self) -> None:
        """Return once the other end, in this event loop, has read the word."""
        assert self._client is not None
        self._client.write(b"E" + struct.pack("!I", len(self.LAST_WORD) + 4) + self.LAST_WORD)
        await self._client.drain()
        for _ in range(10):
            await asyncio.sleep(0)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._client = writer
        answers, questions = await asyncio.open_connection("127.0.0.1", self._upstream.port)
        for source, target in ((reader, questions), (answers, writer)):
            self._ends.create_task(self._copy(source, target))

    async def _copy(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            target.write(data)
        target.close()


async def test_a_database_that_shuts_down_is_unavailable(database: str) -> None:
    """Between a server's last message and the end of the connection a call fails; the next one has a new connection."""
    proxy = FarewellProxy(database)
    async with proxy as url:
        connection = sink_database(url)
        assert await connection.fetch_value("SELECT 1") == 1
        await proxy.farewell()
        with pytest.raises(UnavailableError, match="another operation"):
            await connection.fetch_value("SELECT 1")

        assert await connection.fetch_value("SELECT 1") == 1
        await connection.close()


class InspectingPublisher(Announcements):
    """A publisher that looks into the database before it takes anything."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self.seen: list[str] = []

    async def publish(self, records: Iterable[Record]) -> None:
        """Note the status that others can see, then publish."""
        connection = await asyncpg.connect(self._url)
        self.seen.append(await connection.fetchval("SELECT status FROM template_generation_jobs"))
        await connection.close()
        await super().publish(records)


async def test_job_events_come_after_the_commit_and_survive_an_outage_of_the_broker(harness: SinkHarness) -> None:
    """What job-events say can be read in the database by then; a broker that refuses is asked again."""
    inspecting = InspectingPublisher(harness.url)
    inspecting.refusals = 3
    database = sink_database(harness.url)

    async def sleep(_: float) -> None:
        """Time passes at once."""

    sink = Sink(database, inspecting, harness.dead_letters, sleep=sleep)
    await sink.process([harness.topics.request("job"), harness.topics.completed("job")])
    await database.close()

    assert inspecting.seen == ["completed"] * 4
    assert [event.type for event in inspecting.job_events] == ["job.completed"]


class CrashingPublisher(Announcements):
    """A publisher in whose hands the process ends."""

    async def publish(self, records: Iterable[Record]) -> None:
        """Die."""
        raise SystemExit(137)


@pytest.mark.parametrize("regrouped", [False, True], ids=["same batch", "one by one"])
async def test_a_crash_between_commit_and_publishing_loses_no_job_event(harness: SinkHarness, regrouped: bool) -> None:
    """Records delivered again after the crash change nothing, and still their job's last state is published."""
    deliveries = [harness.topics.request("job"), harness.topics.processing("job"), harness.topics.completed("job")]
    database = sink_database(harness.url)
    with pytest.raises(SystemExit):
        await Sink(database, CrashingPublisher(), harness.dead_letters).process(deliveries)
    await database.close()
    committed = await harness.jobs("status, revision")

    for batch in [[delivery] for delivery in deliveries] if regrouped else [deliveries]:
        await harness.sink.process(batch)

    assert await harness.jobs("status, revision") == committed
    last = harness.announcements.job_events[-1]
    assert [(last.status, last.revision)] == committed == [("completed", 2)]

"""A record that cannot be stored becomes a dead letter alone; everything beside it is written."""

import asyncio
from math import ceil, log2
from typing import Any

import asyncpg
import orjson
import pytest

from agents.postgres import BadRowError, Database, SchemaMismatchError, translated
from agents.sink.database import sink_database
from agents.sink.sink import Sink
from schemas.topics import POSTER_COMPLETIONS, POSTER_LOGS
from streams.delivery import Delivery
from streams.errors import UnavailableError
from tests.sink.conftest import SinkHarness
from tests.sink.ports import Announcements, RecordedDeadLetters
from tests.sink.topics import Topics


class CountingDatabase(Database):
    """Counts its statements."""

    statements = 0

    async def fetch_value(self, query: str, *arguments: object) -> Any:
        """Count, then send."""
        self.statements += 1
        return await super().fetch_value(query, *arguments)


def spoiled(topics: Topics, delivery: Delivery, **fields: object) -> Delivery:
    """Return the record with some fields of its event replaced, past every check of ours."""
    body = orjson.loads(delivery.value or b"") | fields
    return topics.record(delivery.topic, (delivery.key or b"").decode(), orjson.dumps(body))


def escaped(topics: Topics, delivery: Delivery, old: bytes, new: bytes) -> Delivery:
    """Return the record with bytes of its value replaced."""
    return topics.record(delivery.topic, (delivery.key or b"").decode(), (delivery.value or b"").replace(old, new))


BAD = {
    "NUL in a text": lambda topics: spoiled(topics, topics.log("job"), code="a\0b"),
    "NUL in JSON": lambda topics: spoiled(topics, topics.log("job"), details={"text": "a\0b"}),
    "NUL in a key": lambda topics: spoiled(topics, topics.completed("job"), metadata={"a\0b": 1}),
    "half a surrogate pair": lambda topics: escaped(topics, topics.log("job"), b"line 0", rb"\ud800"),
    "an integer too large for its column": lambda topics: spoiled(
        topics, topics.completed("job"), generation_time_ms=2**31
    ),
    "an integer too large for any column": lambda topics: spoiled(topics, topics.completed("job"), size_bytes=2**63),
    "an index too large": lambda topics: spoiled(topics, topics.processing("job"), poster_index=2**31),
    "an integer too large for JSON": lambda topics: escaped(
        topics, topics.log("job"), b'"details":{}', b'"details":{"n":1' + b"0" * 40 + b"}"
    ),
    "a number too large for a float": lambda topics: escaped(
        topics, topics.log("job"), b'"details":{}', b'"details":{"n":1e400}'
    ),
}


@pytest.mark.parametrize("kind", BAD)
async def test_one_bad_record_among_many_is_isolated(harness: SinkHarness, kind: str) -> None:
    """Whatever is wrong with it, 60 neighbours are written and it becomes a dead letter, byte for byte."""
    topics = harness.topics
    good = [topics.request(f"job-{number}") for number in range(60)]
    bad = BAD[kind](topics)
    await harness.sink.process([*good[:41], bad, *good[41:]])

    assert await harness.fetch("SELECT count(*) FROM template_poster_results") == [(60,)]
    assert [letter[0] for letter in harness.dead_letters.letters] == [bad]
    assert harness.dead_letters.letters[0][1] == "invalid_request"


async def test_finding_the_bad_record_is_quick(database: str) -> None:
    """One bad record in 500 costs 2 × log2(500) more statements at most, and 499 are written."""
    counting = CountingDatabase(database, application_name="tests")
    dead_letters = RecordedDeadLetters()
    topics = Topics()
    deliveries = [topics.log("job", number) for number in range(500)]
    deliveries[321] = spoiled(topics, deliveries[321], message="a\0b")
    await Sink(counting, Announcements(), dead_letters).process(deliveries)
    written = await counting.fetch_rows("SELECT count(*) AS lines FROM template_generation_logs")
    await counting.close()

    assert written[0]["lines"] == 499
    assert [letter[0].offset for letter in dead_letters.letters] == [deliveries[321].offset]
    assert counting.statements <= 1 + 2 * ceil(log2(500))


async def test_a_database_without_our_tables_stops_the_sink(empty_database: str) -> None:
    """A wrong deployment makes no dead letters: the error says what to run, and no record is acknowledged."""
    database = sink_database(empty_database)
    dead_letters = RecordedDeadLetters()

    with pytest.raises(SchemaMismatchError, match="posters setup"):
        await Sink(database, Announcements(), dead_letters).process([Topics().request("job")])
    await database.close()
    assert dead_letters.letters == []


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (ConnectionResetError(), UnavailableError),
        (TimeoutError(), UnavailableError),
        (asyncpg.InterfaceError("connection is closed"), UnavailableError),
        (asyncpg.ConnectionDoesNotExistError("why"), UnavailableError),
        (asyncpg.CannotConnectNowError("why"), UnavailableError),
        (asyncpg.AdminShutdownError("why"), UnavailableError),
        (asyncpg.QueryCanceledError("why"), UnavailableError),
        (asyncpg.DiskFullError("why"), UnavailableError),
        (asyncpg.TooManyConnectionsError("why"), UnavailableError),
        (asyncpg.DeadlockDetectedError("why"), UnavailableError),
        (asyncpg.SerializationError("why"), UnavailableError),
        (asyncpg.LockNotAvailableError("why"), UnavailableError),
        (asyncpg.ReadOnlySQLTransactionError("why"), UnavailableError),
        (asyncpg.PostgresIOError("why"), UnavailableError),
        (asyncpg.UntranslatableCharacterError("why"), BadRowError),
        (asyncpg.NumericValueOutOfRangeError("why"), BadRowError),
        (asyncpg.CheckViolationError("why"), BadRowError),
        (asyncpg.CardinalityViolationError("why"), BadRowError),
        (asyncpg.StatementTooComplexError("why"), BadRowError),
        (asyncpg.UndefinedColumnError("why"), SchemaMismatchError),
        (asyncpg.InsufficientPrivilegeError("why"), SchemaMismatchError),
        (asyncpg.InvalidPasswordError("why"), SchemaMismatchError),
        (asyncpg.InvalidCatalogNameError("why"), SchemaMismatchError),
        (asyncpg.exceptions.ClientConfigurationError("no such scheme"), SchemaMismatchError),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else type(value).__name__,
)
def test_every_error_of_the_database_has_one_meaning(error: Exception, meaning: type[Exception]) -> None:
    """Unavailable: retry. A value: bad row. The schema or the address: stop."""
    assert type(translated(error)) is meaning


@pytest.mark.parametrize("error", [asyncpg.InternalServerError("why"), KeyError("bug"), asyncio.InvalidStateError()])
def test_an_unknown_error_is_left_as_it_is(error: Exception) -> None:
    """What nobody foresaw ends the process instead of becoming a dead letter."""
    assert translated(error) is error


async def test_topics_of_the_sink_are_all_read(harness: SinkHarness) -> None:
    """A log and an outcome that end up in the same flush as a bad one of their topic are kept."""
    topics = harness.topics
    bad = [topics.record(POSTER_COMPLETIONS, "job", b"\xff"), topics.record(POSTER_LOGS, "job", b"[" * 5_000)]
    await harness.sink.process([bad[0], topics.completed("job"), bad[1], topics.log("job")])

    assert await harness.posters("status") == [("completed",)]
    assert await harness.fetch("SELECT message FROM template_generation_logs") == [("line 0",)]
    assert [letter[0] for letter in harness.dead_letters.letters] == bad

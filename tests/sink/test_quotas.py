"""Quotas in Postgres: posters are counted exactly and once, bytes with the outcome that brought them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from prometheus_client import REGISTRY

from agents.postgres import Database
from agents.quotas import Allowance, CountedRequest, QuotaLimits, QuotaTable
from agents.sink.sink import Sink
from streams.topics import REQUESTS_AGE
from tests.sink.conftest import SinkHarness

TODAY, TOMORROW = date(2026, 3, 1), date(2026, 3, 2)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIMITS = QuotaLimits(posters={"shop": 10, "*": 3}, bytes={"shop": 5_000})


def asked(number: int, posters: int = 1, source: str | None = "shop", day: date = TODAY) -> CountedRequest:
    """Return a request; `number` identifies it."""
    return CountedRequest(request=UUID(int=number), source=source, day=day, posters=posters)


@pytest.fixture
async def database_of_intake(database: str) -> AsyncIterator[Database]:
    """A connection to an empty database."""
    connection = Database(database, application_name="tests")
    yield connection
    await connection.close()


@pytest.fixture
def quotas(database_of_intake: Database) -> QuotaTable:
    """The table, where the shop may have 10 posters and 5,000 bytes and everybody else 3 posters."""
    return QuotaTable(database_of_intake, LIMITS, now=lambda: NOW)


def granted(requests: list[CountedRequest], allowances: list[Allowance | None]) -> list[int]:
    """Return how many posters of each request are made."""
    pairs = zip(requests, allowances, strict=True)
    return [request.posters if allowance is None else allowance.posters for request, allowance in pairs]


async def use(database: Database, quota: str, day: date = TODAY) -> dict[str | None, tuple[int, int]]:
    """Return what is counted on a day, by source: used and refused."""
    rows = await database.fetch_rows(
        "SELECT source, used, refused FROM quota_use WHERE quota = $1 AND day = $2 AND (used, refused) <> (0, 0)",
        quota,
        day,
    )
    return {row["source"]: (row["used"], row["refused"]) for row in rows}


async def test_posters_are_granted_in_order_until_the_number_is_reached(
    quotas: QuotaTable, database_of_intake: Database
) -> None:
    """The request that reaches it gets a part; sources, the nameless one too, and days are counted apart."""
    requests = [asked(1, 4), asked(2, 4), asked(3, 2, None), asked(4, 4), asked(5, 4, day=TOMORROW), asked(6, 2, None)]
    allowances = await quotas.allow(requests)

    assert granted(requests, allowances) == [4, 4, 2, 2, 4, 1]
    assert allowances[3] == Allowance(
        posters=2,
        reason="quota of posters: the source `shop` may have 10 posters a day, and has used them up; "
        "the next day begins at 2026-03-02T00:00:00+00:00",
    )
    assert (allowances[5] or Allowance(posters=9, reason="")).reason.startswith("quota of posters: those without a")
    assert await use(database_of_intake, "posters") == {"shop": (10, 2), None: (3, 1)}
    assert await use(database_of_intake, "posters", TOMORROW) == {"shop": (4, 0)}


async def test_a_request_counts_once_however_often_it_is_delivered(
    quotas: QuotaTable, database_of_intake: Database
) -> None:
    """In one call or in several, on another day too; its answer stays, also when the quota has changed since."""
    requests = [asked(1, 8), asked(1, 8), asked(2, 4)]
    first = await quotas.allow(requests)
    again = await quotas.allow([asked(2, 4), asked(1, 8), asked(2, 4, day=TOMORROW)])
    more = QuotaTable(database_of_intake, QuotaLimits(posters={"shop": 100}, bytes={}), now=lambda: NOW)
    raised = await more.allow([asked(2, 4), asked(3, 4)])

    assert granted(requests, first) == [8, 8, 2]
    assert again == [first[2], None, Allowance(posters=2, reason=again[2].reason if again[2] else "")]
    assert raised == [first[2], None]
    assert await use(database_of_intake, "posters") == {"shop": (14, 2)}


async def test_backdated_requests_share_the_quota_of_the_first_day(
    quotas: QuotaTable, database_of_intake: Database
) -> None:
    """On a topic with times of its producers: not every day of the past has a quota of its own."""
    first_day = (NOW - REQUESTS_AGE).date()
    days = [first_day, *(first_day - timedelta(days=days) for days in (1, 30, 10_000))]
    requests = [asked(number, 4, day=day) for number, day in enumerate(days)]
    allowances = await quotas.allow(requests)

    assert granted(requests, allowances) == [4, 4, 2, 0]
    assert await use(database_of_intake, "posters", first_day) == {"shop": (10, 6)}
    assert allowances[3] is not None
    assert f"begins at {first_day + timedelta(days=1)}" in allowances[3].reason


async def test_any_number_of_processes_together_grant_exactly_the_quota(database: str) -> None:
    """Eight processes with requests of several sources in different orders, some delivered to two of them."""
    limits = QuotaLimits(posters={"*": 50}, bytes={})
    requests = [asked(number, 3, f"s{number % 3}") for number in range(120)]
    async with AsyncExitStack() as stack:
        databases = [Database(database, application_name="tests") for _ in range(8)]
        for each in databases:
            stack.push_async_callback(each.close)

        async def work(number: int) -> list[tuple[CountedRequest, int]]:
            mine = requests[number * 15 :][:20]
            mine = mine[::-1] if number % 2 else mine
            done: list[tuple[CountedRequest, int]] = []
            for start in range(0, len(mine), 4):
                chunk = mine[start : start + 4]
                allowances = await QuotaTable(databases[number], limits, now=lambda: NOW).allow(chunk)
                done += zip(chunk, granted(chunk, allowances), strict=True)
            return done

        answers = [answer for answers in await asyncio.gather(*map(work, range(8))) for answer in answers]
        counted = await use(databases[0], "posters")

    by_request = {request.request: posters for request, posters in answers}
    assert all(by_request[request.request] == posters for request, posters in answers)
    assert {source: used for source, (used, _) in counted.items()} == {"s0": 50, "s1": 50, "s2": 50}
    assert sum(by_request.values()) == 150


async def test_bytes_are_those_of_new_pictures_and_count_with_their_outcome(
    harness: SinkHarness, quotas: QuotaTable, database_of_intake: Database
) -> None:
    """All pictures of a poster; not one that storage had, not a redelivery, not a later outcome that contradicts."""
    sink = Sink(harness.database, harness.announcements, harness.dead_letters, count_bytes=True)
    topics = harness.topics
    images = [
        {"name": name, "url": "u", "object_key": "k", "sha256": "ab" * 32, "size_bytes": size, "width": 1, "height": 1}
        for name, size in (("a", 700), ("b", 300))
    ]
    pictures = [{**image, "format": "png"} for image in images]
    records = [
        topics.request("one", source="shop"),
        topics.completed("one", source="shop", size_bytes=4_000),
        topics.completed("two", source="shop", size_bytes=700, images=pictures),
        topics.completed("three", source="shop", size_bytes=900, cached=True),
        topics.completed("four", source=None, size_bytes=50),
        topics.failed("five", source="shop"),
    ]
    await sink.process(records)
    before = await quotas.allow([asked(1, 1, "shop")])
    await sink.process(records)
    await sink.process([topics.completed("one", source="shop", size_bytes=9_999, attempt=2)])
    harmless = await use(database_of_intake, "bytes")
    await sink.process([topics.completed("one", source="shop", size_bytes=5, generation=1)])
    replayed = await use(database_of_intake, "bytes")

    assert before != [None]
    assert harmless == {"shop": (5_000, 0), None: (50, 0)}
    assert replayed == {"shop": (5_005, 0), None: (50, 0)}


async def test_a_source_whose_bytes_are_used_up_gets_no_posters(
    harness: SinkHarness, quotas: QuotaTable, database_of_intake: Database
) -> None:
    """From the outcome that reaches the number until the next day; others and earlier requests are not concerned."""
    sink = Sink(harness.database, harness.announcements, harness.dead_letters, count_bytes=True)
    (early,) = await quotas.allow([asked(1)])
    await sink.process([harness.topics.completed("job", source="shop", size_bytes=5_000)])
    late, redelivered, other, next_day = await quotas.allow(
        [asked(2), asked(1), asked(3, source="blog"), asked(4, day=TOMORROW)]
    )

    assert (early, redelivered, other, next_day) == (None, None, None, None)
    assert late == Allowance(
        posters=0,
        reason="quota of bytes: the source `shop` may have 5000 bytes a day, and has used them up; "
        "the next day begins at 2026-03-02T00:00:00+00:00",
    )
    assert await use(database_of_intake, "posters") == {"shop": (1, 1), "blog": (1, 0)}


async def test_without_a_quota_nothing_is_counted(harness: SinkHarness, database_of_intake: Database) -> None:
    """The sink's default."""
    await harness.sink.process([harness.topics.request("job"), harness.topics.completed("job")])

    assert await use(database_of_intake, "bytes") == {}


async def test_a_number_of_zero_is_a_quota(database_of_intake: Database) -> None:
    """Of posters or of bytes: nothing is made for the source."""
    for number, limits in enumerate((QuotaLimits(posters={"*": 0}, bytes={}), QuotaLimits(posters={}, bytes={"*": 0}))):
        (allowance,) = await QuotaTable(database_of_intake, limits, now=lambda: NOW).allow([asked(number, 2)])

        assert allowance is not None
        assert allowance.posters == 0


async def test_refused_posters_are_counted_in_the_metric_once(quotas: QuotaTable) -> None:
    """By source and quota, without those of a redelivery, in the same call or later."""

    def value() -> float:
        labels = {"source": "shop", "quota": "posters"}
        return REGISTRY.get_sample_value("poster_quota_exceeded_total", labels) or 0.0

    before = value()
    await quotas.allow([asked(1, 14), asked(1, 14)])
    await quotas.allow([asked(1, 14)])

    assert value() - before == 4

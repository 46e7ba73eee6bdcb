"""The janitor: overdue posters fail once a minute, by one sink at a time."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from agents.sink.database import sink_database
from agents.sink.janitor import EVERY_SECONDS, Janitor, SweepResult
from streams.errors import UnavailableError
from tests.sink.conftest import SinkHarness

HOUR, DAY = 3_600.0, 86_400.0


async def sweep(
    harness: SinkHarness, *, batch_timeout: float = HOUR, stale_after: float = DAY, log_retention: int = 0
) -> SweepResult | None:
    """Sweep once with these settings."""
    database = sink_database(harness.url)
    janitor = Janitor(
        database,
        harness.announcements,
        batch_timeout=batch_timeout,
        stale_after=stale_after,
        log_retention=log_retention,
    )
    try:
        return await janitor.sweep()
    finally:
        await database.close()


def failures(harness: SinkHarness) -> list[tuple[str, int, str]]:
    """What was failed: job, index and code."""
    events = harness.announcements.outcomes
    return [(event.job_id, event.poster_index, event.error.code) for event in events if event.error]


async def test_parts_that_never_came_fail_as_incomplete(harness: SinkHarness) -> None:
    """An hour after the first part the missing indexes fail; those that came, and whole batches, are left alone."""
    topics = harness.topics
    parted = topics.batch("parted", 2, part=2, parts=3, first_index=2, total_count=6, metadata={"order": 1})
    await harness.sink.process([parted, topics.batch("whole", 2), topics.completed("stub")])
    early = await sweep(harness)
    due = await sweep(harness, batch_timeout=0)

    assert early == SweepResult(incomplete=0, expired=0, stale=0, partitions=0)
    assert due == SweepResult(incomplete=4, expired=0, stale=0, partitions=0)
    assert failures(harness) == [("parted", index, "incomplete_batch") for index in (0, 1, 4, 5)]
    assert harness.announcements.outcomes[0].metadata == {"order": 1}
    assert harness.announcements.outcomes[0].source == "site"


async def test_a_job_that_claims_two_thousand_million_posters_is_swept_in_bounded_steps(harness: SinkHarness) -> None:
    """A wrong total_count costs ten thousand failures a sweep, not the server's disk."""
    await harness.sink.process([harness.topics.batch("job", 1, part=1, parts=2, total_count=2_000_000_000)])

    assert await sweep(harness, batch_timeout=0) == SweepResult(incomplete=10_000, expired=0, stale=0, partitions=0)


async def test_posters_past_their_deadline_fail_as_expired(harness: SinkHarness) -> None:
    """A deadline that nobody noticed is noticed; ended posters and later deadlines are left alone."""
    topics = harness.topics
    past, future = (datetime.now(UTC) + timedelta(days=days) for days in (-1, 1))
    late, done, early = (
        topics.request(job, deadline=deadline) for job, deadline in (("late", past), ("done", past), ("early", future))
    )
    await harness.sink.process([late, done, early, topics.completed("done")])
    await sweep(harness, stale_after=DAY)

    assert failures(harness) == [("late", 0, "expired")]
    assert harness.announcements.outcomes[0].occurred_at == past


async def test_silent_posters_fail_as_internal(harness: SinkHarness) -> None:
    """After POSTERS_STALE_AFTER without events a poster fails, with the pinned version that it had."""
    topics = harness.topics
    await harness.sink.process([topics.batch("job", 2), topics.processing("job", 0), topics.completed("job", 1)])
    await sweep(harness)
    early = failures(harness)
    await sweep(harness, stale_after=0)

    assert early == []
    assert failures(harness) == [("job", 0, "internal")]
    assert harness.announcements.outcomes[0].template_version == 3


async def test_sweeping_again_repeats_the_same_events(harness: SinkHarness) -> None:
    """Two sweeps before the sink has read the first one's outcomes state the same facts, byte for byte."""
    topics = harness.topics
    past = datetime.now(UTC) - timedelta(days=1)
    part = topics.batch("parted", 1, part=1, parts=2, total_count=2)
    await harness.sink.process([part, topics.request("late", deadline=past), topics.request("lost")])
    harness.announcements.records.clear()
    await sweep(harness, batch_timeout=0, stale_after=0)
    first = [record.value for record in harness.announcements.records]
    harness.announcements.records.clear()
    await sweep(harness, batch_timeout=0, stale_after=0)

    assert len(first) == 4
    assert [record.value for record in harness.announcements.records] == first


async def test_one_sink_sweeps_at_a_time(harness: SinkHarness) -> None:
    """While one sweeps, another does nothing; afterwards it can."""
    holder = await asyncpg.connect(harness.url)
    await holder.execute("SELECT pg_advisory_lock($1)", 0x706F_7374_6572_7302)
    busy = await sweep(harness)
    await holder.close()
    while (free := await sweep(harness)) is None:
        pass

    assert busy is None
    assert free == SweepResult(incomplete=0, expired=0, stale=0, partitions=0)


async def test_the_lock_is_released_when_publishing_fails(harness: SinkHarness) -> None:
    """A broker that is unavailable ends this sweep with UnavailableError, and the next one finds the lock free."""
    await harness.sink.process([harness.topics.request("job")])
    harness.announcements.refusals = 1
    database = sink_database(harness.url)
    janitor = Janitor(database, harness.announcements, batch_timeout=HOUR, stale_after=0)

    with pytest.raises(UnavailableError):
        await janitor.sweep()
    assert (await sweep(harness, stale_after=0)) == SweepResult(incomplete=0, expired=0, stale=1, partitions=0)
    await database.close()


async def test_partitions_are_made_ahead(harness: SinkHarness) -> None:
    """A log partition that is missing for the days ahead is there after the next sweep."""
    day = datetime.now(UTC) + timedelta(days=3)
    await harness.fetch(f"DROP TABLE template_generation_logs_{day:%Y%m%d}")
    swept = await sweep(harness)

    assert swept is not None
    assert swept.partitions >= 1
    assert await harness.fetch("SELECT to_regclass($1) IS NOT NULL", f"template_generation_logs_{day:%Y%m%d}") == [
        (True,)
    ]


async def test_old_days_of_the_log_are_dropped_only_where_that_is_asked_for(harness: SinkHarness) -> None:
    """With a retention of two days yesterday's lines stay, and those of four days ago go, in whatever partition."""
    today = datetime.now(UTC)
    for ago in (0, 1, 2, 4, 40):
        await harness.fetch(
            "INSERT INTO template_generation_logs (event_id, job_id, level, code, message, created_at) "
            "VALUES (gen_random_uuid(), $1, 'ERROR', 'internal', 'x', $2)",
            f"{ago} days ago",
            today - timedelta(days=ago),
        )
    unlimited = await sweep(harness)
    retired = await sweep(harness, log_retention=2)
    left = await harness.fetch(
        "SELECT job_id FROM template_generation_logs WHERE level = 'ERROR' ORDER BY created_at DESC"
    )

    assert unlimited is not None
    assert retired is not None
    assert unlimited.retired == 0
    assert retired.retired == 5
    assert left == [("0 days ago",), ("1 days ago",), ("2 days ago",)]


async def test_the_janitor_goes_on_after_an_outage(harness: SinkHarness) -> None:
    """An unreachable database ends one sweep, not the janitor; it looks again after a minute."""
    pauses: list[float] = []
    done = asyncio.Event()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            done.set()
            await asyncio.Event().wait()

    unavailable = sink_database("postgresql://posters@127.0.0.1:1/posters")
    janitor = Janitor(unavailable, harness.announcements, batch_timeout=HOUR, stale_after=DAY, sleep=sleep)
    running = asyncio.create_task(janitor.run())
    await done.wait()
    running.cancel()

    assert pauses == [EVERY_SECONDS] * 3

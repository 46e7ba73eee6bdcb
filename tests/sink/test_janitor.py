"""The janitor: what nobody else can know is said once a minute, by one sink at a time."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from agents.sink.database import sink_database
from agents.sink.janitor import EVERY_SECONDS, Janitor, SweepResult
from streams.errors import UnavailableError
from tests.sink.conftest import Workshop

HOUR, DAY = 3_600.0, 86_400.0


async def sweep(
    workshop: Workshop, *, batch_timeout: float = HOUR, stale_after: float = DAY, log_retention: int = 0
) -> SweepResult | None:
    """Sweep once with these settings."""
    database = sink_database(workshop.url)
    janitor = Janitor(
        database,
        workshop.announcements,
        batch_timeout=batch_timeout,
        stale_after=stale_after,
        log_retention=log_retention,
    )
    try:
        return await janitor.sweep()
    finally:
        await database.close()


def failures(workshop: Workshop) -> list[tuple[str, int, str]]:
    """What was failed: job, index and code."""
    events = workshop.announcements.outcomes
    return [(event.job_id, event.poster_index, event.error.code) for event in events if event.error]


async def test_parts_that_never_came_fail_as_incomplete(workshop: Workshop) -> None:
    """An hour after the first part the missing indexes fail; those that came, and whole batches, are left alone."""
    topics = workshop.topics
    parted = topics.batch("parted", 2, part=2, parts=3, first_index=2, total_count=6, metadata={"order": 1})
    await workshop.sink.process([parted, topics.batch("whole", 2), topics.completed("stub")])
    early = await sweep(workshop)
    due = await sweep(workshop, batch_timeout=0)

    assert early == SweepResult(incomplete=0, expired=0, stale=0, partitions=0)
    assert due == SweepResult(incomplete=4, expired=0, stale=0, partitions=0)
    assert failures(workshop) == [("parted", index, "incomplete_batch") for index in (0, 1, 4, 5)]
    assert workshop.announcements.outcomes[0].metadata == {"order": 1}
    assert workshop.announcements.outcomes[0].source == "site"


async def test_a_job_that_claims_two_thousand_million_posters_is_swept_in_bounded_steps(workshop: Workshop) -> None:
    """A wrong total_count costs ten thousand failures a sweep, not the server's disk."""
    await workshop.sink.process([workshop.topics.batch("job", 1, part=1, parts=2, total_count=2_000_000_000)])

    assert await sweep(workshop, batch_timeout=0) == SweepResult(incomplete=10_000, expired=0, stale=0, partitions=0)


async def test_posters_past_their_deadline_fail_as_expired(workshop: Workshop) -> None:
    """A deadline that nobody noticed is noticed; ended posters and later deadlines are left alone."""
    topics = workshop.topics
    past, future = (datetime.now(UTC) + timedelta(days=days) for days in (-1, 1))
    late, done, early = (
        topics.request(job, deadline=deadline) for job, deadline in (("late", past), ("done", past), ("early", future))
    )
    await workshop.sink.process([late, done, early, topics.completed("done")])
    await sweep(workshop, stale_after=DAY)

    assert failures(workshop) == [("late", 0, "expired")]
    assert workshop.announcements.outcomes[0].occurred_at == past


async def test_posters_nobody_speaks_of_fail_as_internal(workshop: Workshop) -> None:
    """After POSTERS_STALE_AFTER without news a poster is given up, with the pinned version it had."""
    topics = workshop.topics
    await workshop.sink.process([topics.batch("job", 2), topics.processing("job", 0), topics.completed("job", 1)])
    await sweep(workshop)
    early = failures(workshop)
    await sweep(workshop, stale_after=0)

    assert early == []
    assert failures(workshop) == [("job", 0, "internal")]
    assert workshop.announcements.outcomes[0].template_version == 3


async def test_sweeping_again_repeats_the_same_events(workshop: Workshop) -> None:
    """Two sweeps before the sink has read the first one's outcomes state the same facts, byte for byte."""
    topics = workshop.topics
    past = datetime.now(UTC) - timedelta(days=1)
    part = topics.batch("parted", 1, part=1, parts=2, total_count=2)
    await workshop.sink.process([part, topics.request("late", deadline=past), topics.request("lost")])
    workshop.announcements.records.clear()
    await sweep(workshop, batch_timeout=0, stale_after=0)
    first = [record.value for record in workshop.announcements.records]
    workshop.announcements.records.clear()
    await sweep(workshop, batch_timeout=0, stale_after=0)

    assert len(first) == 4
    assert [record.value for record in workshop.announcements.records] == first


async def test_one_sink_sweeps_at_a_time(workshop: Workshop) -> None:
    """While one sweeps, another does nothing; afterwards it can."""
    holder = await asyncpg.connect(workshop.url)
    await holder.execute("SELECT pg_advisory_lock($1)", 0x706F_7374_6572_7302)
    busy = await sweep(workshop)
    await holder.close()
    while (free := await sweep(workshop)) is None:
        pass

    assert busy is None
    assert free == SweepResult(incomplete=0, expired=0, stale=0, partitions=0)


async def test_the_lock_is_let_go_when_publishing_fails(workshop: Workshop) -> None:
    """A broker that is away ends this sweep with UnavailableError, and the next one finds the lock free."""
    await workshop.sink.process([workshop.topics.request("job")])
    workshop.announcements.refusals = 1
    database = sink_database(workshop.url)
    janitor = Janitor(database, workshop.announcements, batch_timeout=HOUR, stale_after=0)

    with pytest.raises(UnavailableError):
        await janitor.sweep()
    assert (await sweep(workshop, stale_after=0)) == SweepResult(incomplete=0, expired=0, stale=1, partitions=0)
    await database.close()


async def test_partitions_are_made_ahead(workshop: Workshop) -> None:
    """A log partition that is missing for the days ahead is there after the next sweep."""
    day = datetime.now(UTC) + timedelta(days=3)
    await workshop.fetch(f"DROP TABLE template_generation_logs_{day:%Y%m%d}")
    swept = await sweep(workshop)

    assert swept is not None
    assert swept.partitions >= 1
    assert await workshop.fetch("SELECT to_regclass($1) IS NOT NULL", f"template_generation_logs_{day:%Y%m%d}") == [
        (True,)
    ]


async def test_old_days_of_the_log_are_dropped_only_where_that_is_asked_for(workshop: Workshop) -> None:
    """With a retention of two days yesterday's lines stay, and those of four days ago go, in whatever partition."""
    today = datetime.now(UTC)
    for ago in (0, 1, 2, 4, 40):
        await workshop.fetch(
            "INSERT INTO template_generation_logs (event_id, job_id, level, code, message, created_at) "
            "VALUES (gen_random_uuid(), $1, 'ERROR', 'internal', 'x', $2)",
            f"{ago} days ago",
            today - timedelta(days=ago),
        )
    for_ever = await sweep(workshop)
    retired = await sweep(workshop, log_retention=2)
    left = await workshop.fetch(
        "SELECT job_id FROM template_generation_logs WHERE level = 'ERROR' ORDER BY created_at DESC"
    )

    assert for_ever is not None
    assert retired is not None
    assert for_ever.retired == 0
    assert retired.retired == 5
    assert left == [("0 days ago",), ("1 days ago",), ("2 days ago",)]


async def test_the_janitor_goes_on_after_an_outage(workshop: Workshop) -> None:
    """An unreachable database ends one sweep, not the janitor; it looks again after a minute."""
    pauses: list[float] = []
    done = asyncio.Event()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            done.set()
            await asyncio.Event().wait()

    away = sink_database("postgresql://posters@127.0.0.1:1/posters")
    janitor = Janitor(away, workshop.announcements, batch_timeout=HOUR, stale_after=DAY, sleep=sleep)
    running = asyncio.create_task(janitor.run())
    await done.wait()
    running.cancel()

    assert pauses == [EVERY_SECONDS] * 3

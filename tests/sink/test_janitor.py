"""The janitor: overdue posters fail once a minute, by one sink at a time."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from agents.sink import missing_posters
from agents.sink.database import sink_database
from agents.sink.janitor import EVERY_SECONDS, Janitor, SweepResult
from schemas.outcomes import JobEvent
from schemas.topics import POSTER_COMPLETIONS
from streams.errors import UnavailableError
from tests.sink.conftest import SinkHarness

HOUR, DAY = 3_600.0, 86_400.0


async def sweep(
    harness: SinkHarness, *, batch_timeout: float = HOUR, stale_after: float = DAY, log_retention: int = 0
) -> SweepResult | None:
    """Sweep once with these settings."""
    database = sink_database(harness.url)
    sweeping = Janitor(
        database,
        harness.announcements,
        batch_timeout=batch_timeout,
        stale_after=stale_after,
        log_retention=log_retention,
    )
    try:
        return await sweeping.sweep()
    finally:
        await database.close()


def failures(harness: SinkHarness) -> list[tuple[str, int, str]]:
    """What was failed: job, index and code."""
    events = harness.announcements.outcomes
    return [(event.job_id, event.poster_index, event.error.code) for event in events if event.error]


def job_events(harness: SinkHarness) -> list[JobEvent]:
    """The job events that were announced."""
    return harness.announcements.job_events


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


async def declare(harness: SinkHarness, job: str, total: int, *, known: int = 1) -> None:
    """Let a job declare so many posters, of which the first ones came and are completed."""
    topics = harness.topics
    parts = max(2, -(-total // 500))
    await harness.sink.process([topics.batch(job, known, part=1, parts=parts, total_count=total)])
    await harness.sink.process([topics.completed(job, index) for index in range(known)])


async def deliver_back(harness: SinkHarness) -> None:
    """Let the sink read what was published on poster-completions, as it would from the topic."""
    records, harness.announcements.records = harness.announcements.records, []
    outcomes = [record for record in records if record.topic == POSTER_COMPLETIONS]
    await harness.sink.process(
        [harness.topics.record(record.topic, str(record.key), record.value) for record in outcomes]
    )


async def test_the_largest_job_is_swept_in_bounded_steps(harness: SinkHarness) -> None:
    """Of 100,000 declared posters ten thousand fail a sweep, the next ones after those have been read."""
    await declare(harness, "job", 100_000)
    first = await sweep(harness, batch_timeout=0)
    indexes = [index for _, index, _ in failures(harness)]
    harness.announcements.records.clear()
    await harness.fetch(
        "INSERT INTO template_poster_results (job_id, poster_index, status, error_code, event_id) "
        "SELECT 'job', i, 'failed', 'incomplete_batch', gen_random_uuid() FROM generate_series(1, 10000) AS i"
    )
    second = await sweep(harness, batch_timeout=0)

    assert (first and first.incomplete, second and second.incomplete) == (10_000, 10_000)
    assert indexes == list(range(1, 10_001))
    assert [index for _, index, _ in failures(harness)] == list(range(10_001, 20_001))


async def test_a_large_job_does_not_starve_small_ones(harness: SinkHarness) -> None:
    """Jobs share a sweep equally, and the large ones get what the small ones leave."""
    for job, total in (("a-large", 100_000), ("b-large", 100_000), ("small", 4), ("z-small", 3)):
        await declare(harness, job, total)
    harness.announcements.records.clear()
    result = await sweep(harness, batch_timeout=0)
    counts = Counter(job for job, _, _ in failures(harness))

    assert result is not None
    assert result.incomplete == 10_000
    assert counts == {"small": 3, "z-small": 2, "a-large": 4_997, "b-large": 4_998}


async def test_more_jobs_than_a_sweep_takes_come_in_turns(
    harness: SinkHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next sweep goes on after the last job of this one, and then begins anew."""
    monkeypatch.setattr(missing_posters, "JOBS_A_SWEEP", 2)
    for number in range(3):
        await declare(harness, f"job-{number}", 900)
    harness.announcements.records.clear()
    database = sink_database(harness.url)
    janitor = Janitor(database, harness.announcements, batch_timeout=0, stale_after=DAY)
    swept = []
    for _ in range(3):
        await janitor.sweep()
        swept.append(sorted({job for job, _, _ in failures(harness)}))
        harness.announcements.records.clear()
    await database.close()

    assert swept == [["job-0", "job-1"], ["job-2"], ["job-0", "job-1"]]


@pytest.mark.parametrize("total", [3, 1_700])
async def test_every_declared_poster_gets_one_outcome(
    harness: SinkHarness, total: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sweep after sweep the job comes to its end, with as many outcomes as it declared."""
    monkeypatch.setattr(missing_posters, "POSTERS_A_SWEEP", 600)
    monkeypatch.setattr(missing_posters, "PAGE_SIZE", 250)
    await declare(harness, "job", total, known=2)
    published: list[int] = []
    while await sweep(harness, batch_timeout=0):
        swept = [index for _, index, _ in failures(harness)]
        if not swept:
            break
        published += swept
        await deliver_back(harness)

    assert sorted(published) == list(range(2, total))
    assert await harness.jobs("status, total_count, success_count, failure_count") == [
        ("completed", total, 2, total - 2)
    ]


async def test_a_cancel_closes_posters_that_never_came(harness: SinkHarness) -> None:
    """They are cancelled at the next sweep, before the batch is overdue; a part that comes later changes nothing."""
    topics = harness.topics
    late = topics.batch("job", 2, part=2, parts=3, first_index=2, total_count=1_200)
    await harness.sink.process([topics.batch("job", 1, part=1, parts=3, total_count=1_200)])
    await harness.sink.process([topics.cancel("job")])
    result = await sweep(harness)
    cancelled = [event.poster_index for event in harness.announcements.outcomes if event.status == "cancelled"]
    await deliver_back(harness)
    await harness.sink.process([late])
    again = await sweep(harness)

    assert result is not None
    assert again is not None
    assert (result.abandoned, result.incomplete, again.abandoned) == (1_199, 0, 0)
    assert sorted(cancelled) == list(range(1_200))
    assert await harness.jobs("status, cancelled_count") == [("cancelled", 1_200)]


async def test_a_total_from_before_the_limit_is_closed_by_one_event(harness: SinkHarness) -> None:
    """A job that declared 2,147,483,647 posters to an earlier build ends with those that came; others stay."""
    for job in ("huge", "open", "fine"):
        await declare(harness, job, 3)
    await harness.sink.process([harness.topics.batch("open", 1, part=2, parts=2, first_index=1, total_count=3)])
    await harness.fetch(
        "UPDATE template_generation_jobs SET total_count = 2147483647 WHERE job_id <> 'fine' RETURNING job_id"
    )
    harness.announcements.records.clear()
    early = await sweep(harness)
    result = await sweep(harness, batch_timeout=0)
    events = {event.job_id: (event.type, event.total_count, event.success_count) for event in job_events(harness)}
    failed = failures(harness)
    harness.announcements.records.clear()
    await sweep(harness, batch_timeout=0)

    assert (early and early.closed, result and result.closed) == (0, 2)
    assert events == {"huge": ("job.completed", 1, 1), "open": ("job.progressed", 2, 1)}
    assert failed == [("fine", 1, "incomplete_batch"), ("fine", 2, "incomplete_batch")]
    assert job_events(harness) == []
    assert await harness.jobs("job_id, status, total_count") == [
        ("fine", "processing", 3),
        ("huge", "completed", 1),
        ("open", "processing", 2),
    ]


async def test_closing_is_repeated_where_its_event_was_not_published(harness: SinkHarness) -> None:
    """While the broker is unavailable the job stays as it is, and the next sweep closes it."""
    await declare(harness, "huge", 3)
    await harness.fetch("UPDATE template_generation_jobs SET total_count = 2147483647 RETURNING job_id")
    harness.announcements.records.clear()
    harness.announcements.refusals = 1
    with pytest.raises(UnavailableError):
        await sweep(harness, batch_timeout=0)
    open_total = await harness.jobs("total_count")
    await sweep(harness, batch_timeout=0)

    assert open_total == [(2147483647,)]
    assert [event.total_count for event in job_events(harness)] == [1]


@pytest.mark.parametrize(
    ("missing", "posters", "given"),
    [
        ([], 10, []),
        ([5], 10, [5]),
        ([50], 10, [10]),
        ([1, 100, 2], 10, [1, 7, 2]),
        ([100, 100, 100], 10, [3, 3, 4]),
        ([1, 1, 1], 2, [0, 1, 1]),
    ],
)
def test_shares(missing: list[int], posters: int, given: list[int]) -> None:
    """Small jobs get all they need, large ones the rest in equal parts."""
    assert missing_posters.shares(missing, posters) == given


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

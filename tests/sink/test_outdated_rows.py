"""The janitor deletes what no request can need any more, and nothing else."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from agents.ownership import Grant, JobCommand, JobOwnersTable, Kind
from agents.sink import janitor
from agents.sink.database import sink_database
from agents.sink.janitor import Janitor
from streams.topics import REQUESTS_AGE
from tests.sink.conftest import SinkHarness

HOUR, DAY = 3_600.0, 86_400.0
NOW = datetime(2026, 6, 1, tzinfo=UTC)


async def forget(harness: SinkHarness) -> int:
    """Delete what is outdated now."""
    database = sink_database(harness.url)
    deleting = Janitor(database, harness.announcements, batch_timeout=HOUR, stale_after=DAY)
    try:
        return await deleting.delete_outdated(NOW)
    finally:
        await database.close()


async def command(harness: SinkHarness, kind: Kind, job_id: str, source: str, at: datetime) -> Grant:
    """Have a source ask something of a job."""
    event = JobCommand(job_id=job_id, source=source, kind=kind, event_id=uuid4(), requested_at=at)
    (grant,) = await JobOwnersTable(harness.database).claim([event])
    return grant


async def test_early_commands_that_no_request_can_follow_are_deleted(harness: SinkHarness) -> None:
    """Cancels and requests to replay of jobs that never came, with the rows that lock them; a young one stays."""
    old, young = NOW - REQUESTS_AGE - timedelta(seconds=1), NOW - REQUESTS_AGE + timedelta(seconds=1)
    await command(harness, "cancel", "old", "shop", old)
    await command(harness, "cancel", "old", "evil", young)
    await command(harness, "cancel", "older", "shop", old)
    await command(harness, "cancel", "young", "shop", young)
    await command(harness, "replay", "replayed", "shop", young)
    deleted = await forget(harness)

    assert deleted == 4
    assert await harness.fetch("SELECT job_id, source FROM early_commands ORDER BY job_id, source") == [
        ("old", "evil"),
        ("young", "shop"),
    ]
    assert await harness.fetch("SELECT job_id FROM job_owners ORDER BY job_id") == [("old",), ("young",)]
    assert (await command(harness, "request", "young", "shop", NOW)).early_cancel is not None
    assert (await command(harness, "request", "older", "shop", NOW)).early_cancel is None


async def test_replays_that_no_request_can_repeat_are_forgotten(harness: SinkHarness) -> None:
    """The event id of one that was carried out is kept as long as its request can be delivered again."""
    old, young = NOW - REQUESTS_AGE - timedelta(seconds=1), NOW - REQUESTS_AGE + timedelta(seconds=1)
    for finished_at in (old, young):
        await harness.fetch("INSERT INTO finished_replays VALUES (gen_random_uuid(), $1)", finished_at)

    assert await forget(harness) == 1
    assert await harness.fetch("SELECT finished_at FROM finished_replays") == [(young,)]


async def test_owners_and_erasures_are_never_deleted(harness: SinkHarness) -> None:
    """Whose a job is and that it is erased, also where nobody has requested it, however long ago that was."""
    ages_ago = NOW - timedelta(days=4_000)
    await command(harness, "request", "owned", "shop", ages_ago)
    await command(harness, "erase", "never-came", "shop", ages_ago)
    await command(harness, "cancel", "never-came", "shop", ages_ago)
    await command(harness, "erase", "erased", "shop", ages_ago)
    await command(harness, "cancel", "claimed", "shop", ages_ago)
    await command(harness, "request", "erased", "shop", ages_ago)
    await command(harness, "request", "claimed", "shop", ages_ago)
    deleted = await forget(harness)
    requests = [
        await command(harness, "request", job, source, NOW)
        for job, source in (("owned", "evil"), ("claimed", "evil"), ("never-came", "shop"), ("erased", "shop"))
    ]

    assert deleted == 1  # the early cancel of the job that came since: the job itself is cancelled by now
    assert [(grant.standing, grant.erased_at) for grant in requests] == [
        ("foreign", None),
        ("foreign", None),
        ("own", ages_ago),
        ("own", ages_ago),
    ]


async def test_what_is_outdated_is_deleted_in_chunks(harness: SinkHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep deletes so many chunks and no more; the next ones delete the rest, and then nothing."""
    monkeypatch.setattr(janitor, "ROWS_A_CHUNK", 10)
    monkeypatch.setattr(janitor, "CHUNKS_A_SWEEP", 2)
    connection = await asyncpg.connect(harness.url)
    await connection.execute("INSERT INTO job_owners (job_id) SELECT 'job' || n FROM generate_series(1, 25) AS n")
    await connection.close()

    assert [await forget(harness) for _ in range(3)] == [20, 5, 0]


async def test_a_row_that_a_command_has_locked_is_left_alone(harness: SinkHarness) -> None:
    """Nobody waits for a command in progress, which finds the row that it has locked."""
    await command(harness, "replay", "job", "shop", NOW)
    holder = await asyncpg.connect(harness.url)
    async with holder.transaction():
        await holder.execute("SELECT FROM job_owners WHERE job_id = 'job' FOR UPDATE")
        locked = await forget(harness)
    await holder.close()

    assert (locked, await forget(harness)) == (0, 1)


async def test_what_was_counted_for_quotas_is_deleted_once_no_record_can_come_again(harness: SinkHarness) -> None:
    """Decisions as long as requests are retained, sums for 35 days."""
    first_needed = (NOW - REQUESTS_AGE).date()
    connection = await asyncpg.connect(harness.url)
    for day in (first_needed, first_needed - timedelta(days=1)):
        await connection.execute(
            "INSERT INTO quota_requests (request, day, granted) VALUES (gen_random_uuid(), $1, 1)", day
        )
    for days in (35, 36):
        await connection.execute(
            "INSERT INTO quota_use (day, quota) VALUES ($1, 'posters')", NOW.date() - timedelta(days=days)
        )
    await connection.close()

    assert await forget(harness) == 2
    assert await harness.fetch("SELECT day FROM quota_requests") == [(first_needed,)]
    assert await harness.fetch("SELECT day FROM quota_use") == [(NOW.date() - timedelta(days=35),)]


async def test_run_deletes_what_is_outdated_beside_each_sweep(harness: SinkHarness) -> None:
    """Nobody has to ask for it."""
    await command(harness, "cancel", "old", "shop", NOW - timedelta(days=30))
    database = sink_database(harness.url)

    async def sleep(_: float) -> None:
        raise asyncio.CancelledError

    sweeping = Janitor(
        database, harness.announcements, batch_timeout=HOUR, stale_after=DAY, sleep=sleep, now=lambda: NOW
    )
    with pytest.raises(asyncio.CancelledError):
        await sweeping.run()
    await database.close()

    assert await harness.fetch("SELECT FROM job_owners") == []

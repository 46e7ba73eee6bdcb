"""Whose a job is: the first source that requests it owns it, in whatever order and however often commands arrive."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from agents.ownership import EarlyCancel, Grant, JobCommand, JobOwnersTable, Kind
from agents.postgres import Database

NOW = datetime(2026, 3, 1, tzinfo=UTC)
EVENT = UUID(int=1)


def command(job_id: str, source: str | None, kind: Kind = "request", **fields: Any) -> JobCommand:
    """Return a command."""
    return JobCommand(job_id=job_id, source=source, kind=kind, **{"event_id": EVENT, "requested_at": NOW, **fields})


@pytest.fixture
async def owners(database: str) -> AsyncIterator[JobOwnersTable]:
    """The table of an empty database."""
    connection = Database(database, application_name="tests")
    yield JobOwnersTable(connection)
    await connection.close()


async def standings(owners: JobOwnersTable, *commands: JobCommand) -> list[str]:
    """Return how the sources of commands stand to their jobs."""
    return [grant.standing for grant in await owners.claim(commands)]


async def test_the_first_source_owns_a_job_for_good(owners: JobOwnersTable) -> None:
    """Within a batch and after it, the same source again is the owner and every other one is not."""
    together = await standings(owners, command("a", "shop"), command("a", "evil"), command("b", "evil"))
    later = await standings(owners, command("a", "evil"), command("a", "shop"), command("b", "shop", "cancel"))

    assert together == ["own", "foreign", "own"]
    assert later == ["foreign", "own", "foreign"]


@pytest.mark.parametrize(("first", "second"), [(None, ""), ("", None), (None, "shop"), ("shop", None)])
async def test_no_source_is_a_tenant_of_its_own(owners: JobOwnersTable, first: str | None, second: str | None) -> None:
    """It is no wildcard, and not the same as an empty name."""
    assert await standings(owners, command("a", first), command("a", second), command("a", first)) == [
        "own",
        "foreign",
        "own",
    ]


async def test_a_job_from_before_belongs_to_the_source_of_its_row(owners: JobOwnersTable, database: str) -> None:
    """Also where another source is the first to ask since; a row without a request decides nothing."""
    connection = await asyncpg.connect(database)
    await connection.execute(
        "INSERT INTO template_generation_jobs (job_id, source, recorded_at) "
        "VALUES ('old', 'shop', now()), ('none', NULL, now()), ('stub', 'shop', NULL)"
    )
    await connection.close()

    assert await standings(owners, command("old", "evil"), command("old", "shop", "cancel")) == ["foreign", "own"]
    assert await standings(owners, command("none", "evil"), command("none", None)) == ["foreign", "own"]
    assert await standings(owners, command("stub", "evil")) == ["own"]


async def test_a_cancel_before_the_job_is_in_force_for_its_own_source_alone(owners: JobOwnersTable) -> None:
    """A guessed job id that another source cancels, erases or replays is requested as if nothing had happened."""
    cancel = command("a", "shop", "cancel", reason="enough", event_id=UUID(int=7))
    early = await standings(
        owners, cancel, command("a", "evil", "cancel"), command("a", "evil", "erase"), command("a", "evil", "replay")
    )
    (own,) = await owners.claim([command("a", "shop")])
    (other,) = await owners.claim([command("b", "evil", "cancel")])
    (untouched,) = await owners.claim([command("b", "shop")])

    assert early == ["unknown"] * 4
    assert own.early_cancel == EarlyCancel(event_id=UUID(int=7), requested_at=NOW, reason="enough")
    assert own.erased_at is None
    assert other.standing == "unknown"
    assert untouched == Grant(owner="shop")


async def test_an_erased_job_stays_erased(owners: JobOwnersTable) -> None:
    """Whether it was known when it was erased or not; an erasure by another source changes nothing."""
    await owners.claim([command("known", "shop"), command("safe", "shop")])
    await owners.claim([command("known", "shop", "erase"), command("safe", "evil", "erase")])
    await owners.claim([command("unknown", "shop", "erase")])
    grants = await owners.claim([command(job, "shop") for job in ("known", "unknown", "safe")])

    assert [grant.erased_at for grant in grants] == [NOW, NOW, None]


async def test_erased_posters_are_named(owners: JobOwnersTable, database: str) -> None:
    """A grant has the erased indexes among those that a request names."""
    connection = await asyncpg.connect(database)
    await connection.execute("INSERT INTO erased_posters (job_id, poster_index) VALUES ('a', 1), ('a', 9), ('b', 2)")
    await connection.close()
    (grant,) = await owners.claim([command("a", "shop", first=0, last=4)])

    assert grant.erased_indexes == frozenset({1})


async def test_only_the_next_generation_counts(owners: JobOwnersTable, database: str) -> None:
    """It is one more than the highest recorded of the posters in question, 1 where none is recorded."""
    connection = await asyncpg.connect(database)
    await connection.execute(
        "INSERT INTO template_poster_results (job_id, poster_index, status, event_id, generation) "
        "VALUES ('a', 0, 'queued', gen_random_uuid(), 2), ('a', 1, 'queued', gen_random_uuid(), 7)"
    )
    await connection.close()
    known, unknown = await owners.claim(
        [command("a", "shop", generation=2**31 - 1), command("new", "shop", generation=2**31 - 1)]
    )

    assert [known.allows_generation(number) for number in (0, 2, 3, 4, 2**31 - 1)] == [True, True, True, False, False]
    assert [unknown.allows_generation(number) for number in (0, 1, 2)] == [True, True, False]


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_the_order_all_agree_and_no_early_cancel_is_lost(database: str, seed: int) -> None:
    """Six processes ask about the same jobs at once, in any order, each command several times: one owner a job.

    A cancel by the owner either finds the job claimed, or the request finds the cancel.
    """
    random = Random(seed)  # noqa: S311 - repeatable on purpose
    jobs = [f"job-{number}" for number in range(30)]
    asked = [
        command(job, source, kind, event_id=uuid4(), requested_at=NOW + timedelta(seconds=random.randint(0, 9)))
        for job in jobs
        for source in ("shop", "evil", None)
        for kind in ("request", "cancel", "request")
        if random.random() < 0.8
    ]
    seen: list[tuple[JobCommand, Grant]] = []
    databases = [Database(database, application_name="tests") for _ in range(6)]

    async def ask(connection: Database) -> None:
        mine = random.sample(asked, k=len(asked) * 2 // 3)
        owners = JobOwnersTable(connection)
        while mine:
            batch = [mine.pop() for _ in range(min(len(mine), random.randint(1, 12)))]
            seen.extend(zip(batch, await owners.claim(batch), strict=True))

    await asyncio.gather(*map(ask, databases))
    claimed: dict[str, set[str | None]] = {}
    for each, grant in seen:
        if grant.standing != "unknown":
            claimed.setdefault(each.job_id, set()).add(grant.owner)
            assert (grant.standing == "own") == (grant.owner == each.source)
    (connection, *others) = databases
    final = await JobOwnersTable(connection).claim([command(job, next(iter(claimed[job]))) for job in claimed])
    for job, grant in zip(claimed, final, strict=True):
        early = [
            each.event_id
            for each, seen_grant in seen
            if each.job_id == job
            and each.kind == "cancel"
            and each.source == grant.owner
            and seen_grant.standing == "unknown"
        ]
        found = grant.early_cancel.event_id if grant.early_cancel is not None else None
        assert (found in early) if early else found is None
    for each_database in (connection, *others):
        await each_database.close()

    assert all(len(sources) == 1 for sources in claimed.values())

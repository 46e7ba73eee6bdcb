"""The crash journal in Postgres: shared by workers, of no effect while it is unavailable."""

from collections.abc import AsyncIterator
from itertools import count

import pytest

from agents.best_effort import OFF_SECONDS
from agents.crash_journal import CrashJournalTable
from agents.postgres import Database
from streams.crash_guard import Note

PARTITION = "poster-requests/3"


@pytest.fixture
async def connection(database: str) -> AsyncIterator[Database]:
    """A migrated database."""
    connection = Database(database, application_name="tests")
    yield connection
    await connection.close()


async def left_in(database: Database) -> list[tuple[str, int, int, str, int]]:
    """Return all notes."""
    rows = await database.fetch_rows(
        "SELECT subject, first_offset, last_offset, worker, crashes FROM crash_journal ORDER BY worker, first_offset"
    )
    return [tuple(row) for row in rows]


async def test_notes_of_others_are_found_where_they_share_a_record(connection: Database) -> None:
    """Only another worker's note of the same role and subject that overlaps is found; own ones are no crash."""
    mine, other = (CrashJournalTable(connection, "intake", name) for name in ("mine", "other"))
    await CrashJournalTable(connection, "sink", "other").begin([Note(PARTITION, 0, 9)])
    await mine.begin([Note(PARTITION, 0, 9)])
    found = [
        list(await other.begin([note]))
        for note in (Note(PARTITION, 10, 19), Note("poster-requests/4", 0, 9), Note(PARTITION, 9, 9))
    ]

    assert found == [[], [], [Note(PARTITION, 0, 9)]]
    assert list(await mine.begin([Note(PARTITION, 0, 5)])) == []


async def test_adopting_replaces_what_others_left(connection: Database) -> None:
    """The adopted note has one crash more, and of a longer one the other offsets are left for the next batch."""
    dead, next_owner = (CrashJournalTable(connection, "intake", name) for name in ("dead", "next"))
    await dead.begin([Note(PARTITION, 5, 20), Note("job/1/0", 0, 0)])
    await next_owner.begin([Note(PARTITION, 3, 9), Note("job/1/0", 0, 0)])
    await next_owner.adopt([Note(PARTITION, 3, 9, 1), Note("job/1/0", 0, 0, 1)])

    assert await left_in(connection) == [
        (PARTITION, 10, 20, "dead", 0),
        ("job/1/0", 0, 0, "next", 1),
        (PARTITION, 3, 9, "next", 1),
    ]


@pytest.mark.parametrize(
    ("runs", "left"),
    [
        ([(0, 1), (8, 9)], [(2, 7)]),
        ([(2, 3), (6, 7)], [(0, 1), (4, 5), (8, 9)]),
        ([(0, 4), (5, 9)], []),
        ([(5, 5)], [(0, 4), (6, 9)]),
        ([(-3, 1), (4, 4), (9, 12)], [(2, 3), (5, 8)]),
    ],
    ids=str,
)
async def test_of_a_replaced_note_all_offsets_that_nobody_adopted_are_left(
    connection: Database, runs: list[tuple[int, int]], left: list[tuple[int, int]]
) -> None:
    """Before, between and after the adopting notes, with the crashes that they had: each was in flight in the crash."""
    dead, next_owner = (CrashJournalTable(connection, "intake", name) for name in ("dead", "next"))
    await dead.begin([Note(PARTITION, 0, 9)])
    await connection.fetch_rows("UPDATE crash_journal SET crashes = 1")
    await next_owner.begin([Note(PARTITION, *run) for run in runs])
    await next_owner.adopt([Note(PARTITION, *run, 2) for run in runs])
    notes = await left_in(connection)

    assert [(first, last, crashes) for _, first, last, worker, crashes in notes if worker == "dead"] == [
        (*each, 1) for each in left
    ]
    assert [(first, last, crashes) for _, first, last, worker, crashes in notes if worker == "next"] == [
        (*each, 2) for each in runs
    ]


async def test_ended_notes_and_those_of_a_worker_that_leaves_are_removed(connection: Database) -> None:
    """Nothing stays of records that are finished, nor of a worker that was shut down; old notes expire."""
    mine, other = (CrashJournalTable(connection, "intake", name) for name in ("mine", "other"))
    await mine.begin([Note(PARTITION, 0, 9), Note(PARTITION, 10, 19), Note(PARTITION, 20, 29)])
    await other.begin([Note("poster-requests/4", 0, 9)])
    await mine.end([Note(PARTITION, 10, 19)])
    ended = await left_in(connection)
    await mine.leave()
    await connection.fetch_rows("UPDATE crash_journal SET begun_at = now() - interval '2 days'")
    left = await left_in(connection)
    await mine.open()

    assert [first for _, first, _, worker, _ in ended if worker == "mine"] == [0, 20]
    assert [worker for *_, worker, _ in left] == ["other"]
    assert await left_in(connection) == []


async def test_a_record_that_is_queued_again_takes_no_note_of_others_with_it(connection: Database) -> None:
    """It is noted alone while the note of its run is still there, which stays as it is until its own end."""
    mine = CrashJournalTable(connection, "intake", "mine")
    await mine.begin([Note(PARTITION, 5, 9)])
    await mine.begin([Note(PARTITION, 5, 5)])
    both = await left_in(connection)
    await mine.end([Note(PARTITION, 5, 5)])
    alone = await left_in(connection)
    await mine.end([Note(PARTITION, 5, 9)])

    assert both == alone == [(PARTITION, 5, 9, "mine", 0)]
    assert await left_in(connection) == []


async def test_a_note_that_others_have_split_ends_as_well(connection: Database) -> None:
    """Another worker adopted some of its records after a rebalance; nothing stays of the rest once it is finished."""
    mine, other = (CrashJournalTable(connection, "intake", name) for name in ("mine", "other"))
    await mine.begin([Note(PARTITION, 0, 9)])
    await other.begin([Note(PARTITION, 4, 5)])
    await other.adopt([Note(PARTITION, 4, 5, 1)])
    await mine.end([Note(PARTITION, 0, 9)])

    assert await left_in(connection) == [(PARTITION, 4, 5, "other", 1)]


@pytest.mark.parametrize("trouble", ["unreachable", "no table"])
async def test_work_goes_on_without_a_journal(connection: Database, database: str, trouble: str) -> None:
    """An unreachable database, or one from before the table, finds nothing and is left alone for a while."""
    if trouble == "no table":
        await connection.fetch_rows("DROP TABLE crash_journal")
        broken = connection
    else:
        broken = Database("postgresql://posters@127.0.0.1:1/posters", application_name="tests")
    times = count(100.0, OFF_SECONDS / 2)
    journal = CrashJournalTable(broken, "intake", "mine", clock=lambda: next(times))
    found = [await journal.begin([Note(PARTITION, 0, 0)]) for _ in range(4)]
    await journal.end([Note(PARTITION, 0, 0)])
    await journal.leave()

    assert [list(each) for each in found] == [[], [], [], []]

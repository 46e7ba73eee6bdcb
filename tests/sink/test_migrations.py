"""Migrations: applied once, by whoever comes first, and only as they were written."""

import asyncio
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from posters.operations.migrations import (
    DIRECTORY,
    DatabaseUnreachableError,
    EditedMigrationError,
    FailedMigrationError,
    MigrationBusyError,
    MissingMigrationError,
    migrate,
    pending,
    read_files,
)

NAMES = [migration.name for migration in read_files(DIRECTORY)]
TABLES = (
    "templates",
    "template_placeholders",
    "template_generation_jobs",
    "template_generation_logs",
    "template_poster_results",
)
TAKEN = r"\b(DROP\s+(?:TABLE|COLUMN|VIEW|FUNCTION|TRIGGER)|RENAME|ALTER\s+COLUMN|SET\s+NOT\s+NULL)\b"
"""What a statement of a build before may need."""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A copy of the migrations that a test may spoil."""
    return Path(shutil.copytree(DIRECTORY, tmp_path / "migrations"))


async def test_eight_starters_at_once_all_succeed_and_one_applies(empty_database: str) -> None:
    """Eight starters on an empty database: all return, each file is applied once."""
    applied = await asyncio.gather(*(migrate(empty_database) for _ in range(8)))

    assert sorted(applied) == [[]] * 7 + [NAMES]


async def test_migrating_again_changes_nothing(empty_database: str) -> None:
    """What is applied stays; `pending` says so before and after, and changes nothing itself."""
    before = await pending(empty_database)
    first = await migrate(empty_database)
    second = await migrate(empty_database)

    assert (before, first, second) == (NAMES, NAMES, [])
    assert await pending(empty_database) == []


@pytest.mark.parametrize("name", NAMES[5:])  # those before made the tables
def test_workers_of_the_build_before_can_go_on(name: str) -> None:
    """A migration only adds, and what it adds to a table may be left out: two builds write during an upgrade."""
    statements = re.sub(r"--.*", "", (DIRECTORY / f"{name}.sql").read_text(encoding="utf-8"))

    assert re.findall(TAKEN, statements, re.IGNORECASE) == []
    for column in re.findall(r"ADD COLUMN\s([^,;]*)", statements, re.IGNORECASE):
        assert "NOT NULL" not in column or "DEFAULT" in column, column


async def test_the_five_tables_exist(empty_database: str) -> None:
    """The tables that people query are there under the names of the contract."""
    await migrate(empty_database)
    connection = await asyncpg.connect(empty_database)
    found = [await connection.fetchval("SELECT to_regclass($1)::text", table) for table in TABLES]
    await connection.close()

    assert tuple(found) == TABLES


async def test_an_edited_file_is_refused(empty_database: str, directory: Path) -> None:
    """A file changed after it was applied is named, and nothing is applied."""
    await migrate(empty_database, directory=directory)
    edited = directory / f"{NAMES[1]}.sql"
    edited.write_text(edited.read_text() + "\n-- a second thought\n")

    with pytest.raises(EditedMigrationError, match=NAMES[1]):
        await migrate(empty_database, directory=directory)
    with pytest.raises(EditedMigrationError, match="new file"):
        await pending(empty_database, directory=directory)


async def test_a_missing_file_is_refused(empty_database: str, directory: Path) -> None:
    """A build that lacks what the database has is told so."""
    await migrate(empty_database, directory=directory)
    (directory / f"{NAMES[-1]}.sql").unlink()

    with pytest.raises(MissingMigrationError, match=NAMES[-1]):
        await migrate(empty_database, directory=directory)


async def test_a_gap_in_the_numbers_is_refused(empty_database: str, directory: Path) -> None:
    """Files are counted from 0001 without gaps, or nothing is applied."""
    (directory / f"{NAMES[0]}.sql").unlink()

    with pytest.raises(MissingMigrationError, match="0001"):
        await migrate(empty_database, directory=directory)


async def test_a_failing_file_leaves_nothing_behind(empty_database: str, directory: Path) -> None:
    """A file is applied whole or not at all; those before it stay, and it is tried again next time."""
    bad = directory / f"{len(NAMES) + 1:04}_bad.sql"
    bad.write_text("CREATE TABLE half_done (id int); SELECT 1 / 0;")
    with pytest.raises(FailedMigrationError, match=r"_bad\.sql failed \(22012\)"):
        await migrate(empty_database, directory=directory)

    bad.write_text("CREATE TABLE half_done (id int);")

    assert await migrate(empty_database, directory=directory) == [bad.stem]


async def test_a_file_can_ask_for_no_transaction(empty_database: str, directory: Path) -> None:
    """CREATE INDEX CONCURRENTLY, which refuses transactions, is applied where the first line asks for it."""
    concurrent = directory / f"{len(NAMES) + 1:04}_concurrent.sql"
    concurrent.write_text(
        "-- migrate: no transaction\nCREATE INDEX CONCURRENTLY by_entity ON template_poster_results (entity_id);"
    )

    assert await migrate(empty_database, directory=directory) == [*NAMES, concurrent.stem]


async def test_waiting_for_another_migration_ends(empty_database: str) -> None:
    """Somebody who migrates for too long is reported instead of waited for without end."""
    holder = await asyncpg.connect(empty_database)
    await holder.execute("SELECT pg_advisory_lock($1)", 0x706F_7374_6572_7301)

    with pytest.raises(MigrationBusyError, match="another process"):
        await migrate(empty_database, lock_timeout=0.3)
    await holder.close()


@pytest.mark.parametrize(
    "url", ["postgresql://posters:hush@127.0.0.1:1/posters", "postgresql://posters:hush@/posters?host=/nowhere"]
)
async def test_an_unreachable_database_is_named_without_its_password(url: str) -> None:
    """The message says which database and what to check, and keeps the password to itself."""
    with pytest.raises(DatabaseUnreachableError, match="POSTERS_DATABASE_URL") as caught:
        await migrate(url)

    assert "hush" not in str(caught.value)


async def test_late_log_rows_move_into_the_partition_made_for_them(database: str) -> None:
    """Rows of a day without a partition are kept by the default one until the day's own is made."""
    connection = await asyncpg.connect(database)
    at = datetime.now(UTC) + timedelta(days=20)
    await connection.execute(
        """INSERT INTO template_generation_logs (event_id, job_id, level, code, message, created_at)
           VALUES (gen_random_uuid(), 'job', 'INFO', 'code', 'text', $1)""",
        at,
    )
    kept = await connection.fetchval("SELECT count(*) FROM template_generation_logs_default")
    made = await connection.fetchval("SELECT make_log_partitions(0, 20)")
    again = await connection.fetchval("SELECT make_log_partitions(0, 20)")
    where = await connection.fetchval("SELECT tableoid::regclass::text FROM template_generation_logs")
    await connection.close()

    assert kept == 1
    assert made > 0
    assert again == 0
    assert where == f"template_generation_logs_{at:%Y%m%d}"


async def test_the_queries_people_write_work_and_one_version_a_section_is_active(database: str) -> None:
    """The three promised queries run as written, and the database itself keeps a second active version out."""
    connection = await asyncpg.connect(database)
    for query in (
        "SELECT job_id, status, success_count, failure_count FROM template_generation_jobs ORDER BY created_at DESC",
        "SELECT job_id, entity_id, status, output_url FROM template_poster_results",
        "SELECT * FROM template_generation_logs WHERE level = 'ERROR' ORDER BY created_at DESC",
    ):
        assert await connection.fetch(query) == []
    insert = """INSERT INTO templates (id, section, name, version, html_content, html_sha256, width, height, is_active)
                VALUES (gen_random_uuid(), 'campaign', 'Campaign', $1, '<p>', repeat('0', 64), 1, 1, $2)"""
    await connection.execute(insert, 1, True)
    await connection.execute(insert, 2, False)

    with pytest.raises(asyncpg.UniqueViolationError, match="templates_one_active_a_section"):
        await connection.execute(insert, 3, True)
    await connection.close()


@pytest.mark.parametrize(
    ("insert", "update"),
    [
        (
            "INSERT INTO template_generation_jobs (job_id, updated_at) VALUES ('job', '2020-01-01')",
            'UPDATE template_generation_jobs SET metadata = \'{"by": "hand"}\' RETURNING updated_at',
        ),
        (
            """INSERT INTO template_poster_results (job_id, poster_index, status, event_id, updated_at)
               VALUES ('job', 0, 'queued', gen_random_uuid(), '2020-01-01')""",
            'UPDATE template_poster_results SET metadata = \'{"by": "hand"}\' RETURNING updated_at',
        ),
        (
            """INSERT INTO templates (id, section, name, version, html_content, html_sha256, width, height, updated_at)
               VALUES (gen_random_uuid(), 'campaign', 'Campaign', 1, '<p>', repeat('0', 64), 1, 1, '2020-01-01')""",
            "UPDATE templates SET is_active = true RETURNING updated_at",
        ),
    ],
    ids=["jobs", "results", "templates"],
)
async def test_a_change_by_hand_is_dated(database: str, insert: str, update: str) -> None:
    """`updated_at` is the time of the change, also where the statement does not say so."""
    connection = await asyncpg.connect(database)
    await connection.execute(insert)
    updated_at = await connection.fetchval(update)
    now = await connection.fetchval("SELECT now()")
    await connection.close()

    assert now - updated_at < timedelta(minutes=1)

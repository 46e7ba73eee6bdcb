"""Schema migrations: applies the numbered SQL files of `migrations/`, once each, under an advisory lock.

They need no framework: the files are plain SQL, and one that was edited after its release is recognised by its digest.

After the migrations it creates the flush function of this build, which is no migration: its source is the sink's, and
builds with different ones share a database.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import asyncpg
from asyncpg.transaction import Transaction

from agents.postgres import Connection
from agents.sink.flush import CREATE_FLUSH_FUNCTION, FLUSH_FUNCTION, FLUSH_SIGNATURE
from posters.operations.database import NO_CONNECTION, database_problems, open_connection, remedy
from posters.operations.errors import OperationError

DIRECTORY: Final = Path(__file__).parents[2] / "migrations"
NO_TRANSACTION: Final = "-- migrate: no transaction"
"""First line of a file whose single statement refuses a transaction, such as CREATE INDEX CONCURRENTLY."""

_FILE_NAME: Final = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_ADVISORY_LOCK: Final = 0x706F_7374_6572_7301
_TRY_LOCK: Final = f"SELECT WHERE pg_try_advisory_xact_lock({_ADVISORY_LOCK})"
_POLL_SECONDS: Final = 0.1
_CONNECT_SECONDS: Final = 10.0
_CREATE_TABLE: Final = """
    CREATE TABLE IF NOT EXISTS posters_migrations (
        name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())
"""


class MigrationError(OperationError):
    """The database does not match the migration files, and nothing more was changed; the message says what to do."""


class DatabaseUnreachableError(MigrationError):
    """The database could not be reached."""


class EditedMigrationError(MigrationError):
    """A file was changed after it was applied."""


class MissingMigrationError(MigrationError):
    """The database knows a migration that this build does not have, or the files are not numbered properly."""


class MigrationBusyError(MigrationError):
    """Another process holds the migration lock for too long."""


class FailedMigrationError(MigrationError):
    """The database refused a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One numbered file."""

    name: str
    sql: str
    sha256: str

    @property
    def in_transaction(self) -> bool:
        """Whether the file is applied in one transaction of its own."""
        return not self.sql.startswith(NO_TRANSACTION)


async def migrate(database_url: str, *, directory: Path = DIRECTORY, lock_timeout: float = 120.0) -> list[str]:
    """Apply the pending migrations in order and return their names.

    Any number of processes may call this at once: one migrates, the others wait up to `lock_timeout` seconds.
    Raises MigrationError.
    """
    files = read_files(directory)
    async with _connect(database_url) as locking, _locked(locking, lock_timeout), _connect(database_url) as connection:
        problems = await database_problems(connection, database_url)
        if problems:
            raise MigrationError("\n".join(problems))
        try:
            await connection.execute(_CREATE_TABLE)
        except asyncpg.InsufficientPrivilegeError as error:
            raise MigrationError(
                f"this user may not create tables: {error}; grant it CREATE on the schema, or use the schema's owner"
            ) from error
        to_apply = _compare(files, await _applied(connection))
        for migration in to_apply:
            await _apply(connection, migration)
        if not await _has_flush_function(connection):
            await connection.execute(CREATE_FLUSH_FUNCTION)
    return [migration.name for migration in to_apply]


async def pending(database_url: str, *, directory: Path = DIRECTORY) -> list[str]:
    """Return the names of the migrations that are not applied yet, without changing anything. Raises MigrationError.

    After them, the flush function of this build is one.
    """
    files = read_files(directory)
    async with _connect(database_url) as connection:
        names = [migration.name for migration in _compare(files, await _applied(connection))]
        return names or ([] if await _has_flush_function(connection) else [FLUSH_FUNCTION])


def read_files(directory: Path) -> list[Migration]:
    """Return the migrations of a directory in order. Raises MissingMigrationError where the numbers have a gap."""
    migrations = []
    for number, path in enumerate(sorted(directory.glob("*.sql")), start=1):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None or int(match[1]) != number:
            raise MissingMigrationError(
                f"{path.name} stands where number {number:04} is due; migrations are named 0001_what_it_does.sql "
                "and counted without gaps"
            )
        content = path.read_bytes()
        migrations.append(Migration(name=path.stem, sql=content.decode(), sha256=hashlib.sha256(content).hexdigest()))
    if not migrations:
        raise MissingMigrationError(f"there are no migrations in {directory}; reinstall posterstream")
    return migrations


def _compare(files: Sequence[Migration], applied: Mapping[str, str]) -> list[Migration]:
    names = {migration.name for migration in files}
    for name in applied:
        if name not in names:
            raise MissingMigrationError(
                f"the database has migration {name}, which this build does not know; use the build that applied it, "
                "or a newer one"
            )
    for migration in files:
        if applied.get(migration.name, migration.sha256) != migration.sha256:
            raise EditedMigrationError(
                f"{migration.name}.sql was edited after it was applied; restore it and put the change into a new file"
            )
    return [migration for migration in files if migration.name not in applied]


async def _has_flush_function(connection: Connection) -> bool:
    found: bool = await connection.fetchval("SELECT to_regprocedure($1) IS NOT NULL", FLUSH_SIGNATURE)
    return found


async def _applied(connection: asyncpg.Connection) -> dict[str, str]:
    if await connection.fetchval("SELECT to_regclass('posters_migrations')") is None:
        return {}
    rows = await connection.fetch("SELECT name, sha256 FROM posters_migrations ORDER BY name")
    return {row["name"]: row["sha256"] for row in rows}


async def _apply(connection: asyncpg.Connection, migration: Migration) -> None:
    try:
        if migration.in_transaction:
            async with connection.transaction():
                # Fail, to be run again, rather than queue behind a long query: later queries would queue behind us.
                await connection.execute("SET LOCAL lock_timeout = '5s'")
                await connection.execute(migration.sql)
                await _record(connection, migration)
        else:
            await connection.execute(migration.sql)
            await _record(connection, migration)
    except asyncpg.PostgresError as error:
        raise FailedMigrationError(f"{migration.name}.sql failed ({error.sqlstate}): {error}") from error


async def _record(connection: asyncpg.Connection, migration: Migration) -> None:
    await connection.execute(
        "INSERT INTO posters_migrations (name, sha256) VALUES ($1, $2)", migration.name, migration.sha256
    )


@asynccontextmanager
async def _connect(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    try:
        connection = await open_connection(database_url, seconds=_CONNECT_SECONDS)
    except NO_CONNECTION as error:
        address = urlsplit(database_url)
        raise DatabaseUnreachableError(
            f"cannot connect to database `{address.path.lstrip('/')}` at {address.hostname or 'the local socket'}"
            f"{f':{address.port}' if address.port else ''}: {str(error) or type(error).__name__}; "
            f"{remedy(error)}"
        ) from error
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def _locked(connection: Connection, timeout: float) -> AsyncIterator[None]:
    # Of a transaction on a connection of its own: behind a connection pooler a session's lock would stay with somebody
    # else. Polled: a blocking pg_advisory_xact_lock would hold a snapshot that CREATE INDEX CONCURRENTLY waits for, as
    # would the portal of a query that is not a simple one.
    try:
        async with asyncio.timeout(timeout):
            transaction = await _try_lock(connection)
            while transaction is None:
                await asyncio.sleep(_POLL_SECONDS)
                transaction = await _try_lock(connection)
    except TimeoutError:
        raise MigrationBusyError(
            f"another process has been migrating for {timeout:g} s; wait for it, or end its database session"
        ) from None
    try:
        yield
    finally:
        await transaction.rollback()


async def _try_lock(connection: Connection) -> Transaction | None:
    """Return the transaction that holds the lock, None where another one does."""
    transaction = connection.transaction()
    await transaction.start()
    if await connection.execute(_TRY_LOCK) == "SELECT 1":
        return transaction
    await transaction.rollback()
    return None

"""One connection to Postgres, made when first needed and replaced after any trouble, and what its errors mean.

Every error of asyncpg that the roles have to tell apart is translated here, into one of these:

- UnavailableError: the database is unavailable, full or busy. The work is kept and retried until it succeeds.
- BadRowError: a value can never be stored. The sink halves its batch until the record with that value stands alone.
- SchemaMismatchError: this build and this database do not fit. The process ends; a person has to look.
- Anything else is a bug and passes through unchanged.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import asyncpg
import orjson

from streams.errors import UnavailableError

logger = logging.getLogger(__name__)

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

CONNECT_SECONDS: Final = 10.0
"""Limit for opening a connection."""
TURN_SECONDS: Final = 10.0
"""Limit for waiting until another caller has finished with the connection."""
COMMAND_SECONDS: Final = 30.0
"""Limit for the answer to one statement: a black hole answers never. The statement's transaction has no effect."""
PREPARED_STATEMENTS: Final = 100
"""So many statements stay prepared in a session, where it is ours alone."""
IDLE_SECONDS: Final = 300.0
"""A connection unused for longer is replaced: firewalls drop such connections without telling either end."""

UNANSWERED: Final = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What asyncpg raises where no answer came.

It raises the last one for a call between the server's last message and the end of the connection.
"""

# Classes of SQLSTATE (the first two characters) and single states, PostgreSQL's appendix A.
_UNAVAILABLE: Final = {"08", "40", "53", "57", "58"}
_UNAVAILABLE_STATES: Final = {
    "55P03",  # lock not available
    "25006",  # read-only, as a standby is during a failover
    "25P03",  # idle in a transaction for longer than the server allows
    "25P04",  # a transaction longer than the server allows
}
_NOT_PREPARED: Final = {"26000", "42P05"}
"""A prepared statement is missing or another client's: a pooler gave us another session."""
_BAD_ROW: Final = {"21", "22", "23", "54"}
_SCHEMA_MISMATCH: Final = {"28", "3D", "3F", "42"}


_SET_SETTINGS: Final = "SELECT set_config(key, value, false) FROM json_each_text($1)"


class BadRowError(Exception):
    """The database, or the encoding for it, refuses a value; a retry would not help."""


class SchemaMismatchError(Exception):
    """The database refuses this build as a whole (schema, rights, address); the message says what to do."""


class Database:
    """A connection to Postgres for one caller at a time; others wait for their turn.

    It is opened by the first call, so that a role starts while Postgres is unavailable. It is dropped after an
    UnavailableError and after a cancelled call, and the next call opens another one; so does a call that comes more
    than IDLE_SECONDS after the last one. Only `settings` are kept in the session, and a call works without them: a
    connection pooler in transaction mode gives each transaction another one.

    `settings` are the session's, where the server is connected to directly; those of a pooler belong to everybody.
    Every method raises UnavailableError, BadRowError and SchemaMismatchError.
    """

    def __init__(
        self,
        url: str,
        *,
        application_name: str,
        settings: Mapping[str, str] = MappingProxyType({}),
        connect_seconds: float = CONNECT_SECONDS,
        command_seconds: float = COMMAND_SECONDS,
    ) -> None:
        self._url = url
        self._application_name = application_name
        self._settings = dict(settings)
        self._is_pooled = False
        self._connect_seconds = connect_seconds
        self._command_seconds = command_seconds
        self._connection: Connection | None = None
        self._used_at = 0.0
        self._turn = asyncio.Lock()

    async def fetch_value(self, query: str, *arguments: object) -> Any:
        """Return the first column of the first row, or None."""
        async with self._session() as connection:
            return await connection.fetchval(query, *arguments)

    async def fetch_row(self, query: str, *arguments: object) -> asyncpg.Record | None:
        """Return the first row, or None."""
        async with self._session() as connection:
            return await connection.fetchrow(query, *arguments)

    async def fetch_rows(self, query: str, *arguments: object) -> Sequence[asyncpg.Record]:
        """Return all rows."""
        async with self._session() as connection:
            return await connection.fetch(query, *arguments)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Give the connection inside a transaction, which is rolled back where the block raises."""
        async with self._session() as connection, connection.transaction():
            yield connection

    async def close(self) -> None:
        """Drop the connection; the next call opens another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Connection]:
        await self._take_turn()
        try:
            yield await self._connected()
        except asyncio.CancelledError:
            await self.close()
            raise
        except Exception as error:
            if isinstance(error, asyncpg.PostgresError) and error.sqlstate in _NOT_PREPARED:
                self._is_pooled = True
            meaning = translated(error)
            if isinstance(meaning, UnavailableError):
                await self.close()
            if meaning is error:
                raise
            raise meaning from error
        finally:
            self._used_at = asyncio.get_running_loop().time()
            self._turn.release()

    async def _take_turn(self) -> None:
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._turn.acquire()
        except TimeoutError as error:
            raise UnavailableError(
                f"the database is busy: no turn on the connection within {TURN_SECONDS:.0f} s"
            ) from error

    async def _connected(self) -> Connection:
        if self._connection is not None and asyncio.get_running_loop().time() - self._used_at > IDLE_SECONDS:
            await self.close()
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
        return self._connection

    async def _connect(self) -> Connection:
        connection = await self._open()
        if not self._is_pooled and await is_pooled(connection):
            logger.info("a connection pooler stands before the database: statements are not prepared in advance")
            self._is_pooled = True
            connection.terminate()
            connection = await self._open()
        if self._settings and not self._is_pooled:
            await connection.execute(_SET_SETTINGS, as_json(self._settings))
        return connection

    async def _open(self) -> Connection:
        # Named prepared statements belong to a session, and so to nobody behind a pooler.
        return await asyncpg.connect(
            self._url,
            timeout=self._connect_seconds,
            command_timeout=self._command_seconds,
            statement_cache_size=0 if self._is_pooled else PREPARED_STATEMENTS,
            server_settings={"application_name": self._application_name},
        )


async def is_pooled(connection: Connection) -> bool:
    """Return whether a connection pooler stands between us and the server: it shows clients process ids of its own."""
    # A simple query: one that is prepared could fail behind a pooler.
    found = await connection.execute(f"SELECT WHERE pg_backend_pid() = {connection.get_server_pid()}")
    return found == "SELECT 0"


def translated(error: Exception) -> Exception:
    """Return the error of ours that an error of asyncpg stands for, else the error itself."""
    if isinstance(error, asyncpg.PostgresError):
        return _of_state(error, error.sqlstate or "")
    if isinstance(error, asyncpg.exceptions.ClientConfigurationError):
        return SchemaMismatchError(f"POSTERS_DATABASE_URL cannot be used: {error}")
    if isinstance(error, UNANSWERED):
        return UnavailableError(f"the database is unavailable: {str(error) or type(error).__name__}")
    return error


def _of_state(error: asyncpg.PostgresError, state: str) -> Exception:
    if state[:2] in _UNAVAILABLE or state in _UNAVAILABLE_STATES | _NOT_PREPARED:
        return UnavailableError(f"the database is unavailable or busy ({state}): {error}")
    if state[:2] in _BAD_ROW:
        return BadRowError(f"the database refuses a value ({state}): {error}")
    if state[:2] in _SCHEMA_MISMATCH:
        return SchemaMismatchError(f"the database refuses this build ({state}): {error}; run `posters setup` with it")
    return error


def as_json(value: object) -> str:
    """Return the JSON text of a value for a `json` or `jsonb` parameter. Raises BadRowError."""
    try:
        return orjson.dumps(value).decode()
    except TypeError as error:  # orjson's JSONEncodeError is one
        raise BadRowError(f"a value cannot be written as JSON: {error}") from error

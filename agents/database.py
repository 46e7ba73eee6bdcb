"""Connections to Postgres, and which of its errors mean "try again"."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from streams.errors import TryAgainError

CONNECT_SECONDS: Final = 5.0
COMMAND_SECONDS: Final = 30.0

_TRY_AGAIN: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.PostgresSystemError,
)
"""Classes 08, 40, 53, 57, 58 and 55P03: the database is away, busy or in trouble, and the statement is not to blame."""


def is_infrastructure(error: BaseException) -> bool:
    """Say whether the same statement may succeed later as it is. A bad value, which asyncpg finds itself, may not."""
    return isinstance(error, _TRY_AGAIN) and not isinstance(error, asyncpg.DataError)


class Database:
    """A small pool that connects when it is first used, so that a role starts while Postgres is away."""

    def __init__(self, url: str, *, application_name: str, connections: int = 2) -> None:
        self._url = url
        self._application_name = application_name
        self._connections = connections
        self._pool: asyncpg.Pool[Any] | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """Give a connection inside a transaction. Raises TryAgainError where the database is away."""
        try:
            async with self._ready_pool().acquire(timeout=CONNECT_SECONDS) as connection, connection.transaction():
                yield connection
        except Exception as error:
            if is_infrastructure(error):
                raise TryAgainError(f"the database is away or busy: {error!r}") from error
            raise

    async def fetchrow(self, sql: str, *arguments: object) -> Any:
        """Return the first row of a query, or None. Raises TryAgainError where the database is away."""
        async with self.transaction() as connection:
            return await connection.fetchrow(sql, *arguments)

    async def close(self) -> None:
        """Close every connection."""
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    def _ready_pool(self) -> "asyncpg.Pool[Any]":
        if self._pool is None:
            raise TryAgainError("the database pool is not open yet")
        return self._pool

    async def open(self) -> None:
        """Make the pool; it connects when it is first used."""
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=self._connections,
            timeout=CONNECT_SECONDS,
            command_timeout=COMMAND_SECONDS,
            server_settings={"application_name": self._application_name},
        )

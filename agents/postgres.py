"""Connections to Postgres."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from agents.postgres_errors import translated
from streams.errors import UnavailableError

CONNECT_SECONDS: Final = 5.0
COMMAND_SECONDS: Final = 30.0


class Database:
    """A small pool that connects when it is first used, so that a role starts while Postgres is away."""

    def __init__(self, url: str, *, application_name: str, connections: int = 2) -> None:
        self._url = url
        self._application_name = application_name
        self._connections = connections
        self._pool: asyncpg.Pool[Any] | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """Give a connection inside a transaction. Raises UnavailableError, BadRowError, SchemaMismatchError."""
        try:
            async with self._ready_pool().acquire(timeout=CONNECT_SECONDS) as connection, connection.transaction():
                yield connection
        except Exception as error:
            meaning = translated(error)
            if meaning is error:
                raise
            raise meaning from error

    async def fetchrow(self, sql: str, *arguments: object) -> Any:
        """Return the first row of a query, or None. Raises as `transaction` does."""
        async with self.transaction() as connection:
            return await connection.fetchrow(sql, *arguments)

    async def close(self) -> None:
        """Close every connection."""
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    def _ready_pool(self) -> "asyncpg.Pool[Any]":
        if self._pool is None:
            raise UnavailableError("the database pool is not open yet")
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

"""One connection to Postgres, made when it is needed and made anew after any trouble with it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias, TypeVar

import asyncpg

from agents.postgres_errors import translated
from streams.errors import UnavailableError

T = TypeVar("T")
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

CONNECT_SECONDS: Final = 10.0
COMMAND_SECONDS: Final = 30.0
"""A statement unanswered for so long is given up, as behind a black hole; its transaction has no effect."""

_SESSION: Final = {
    "application_name": "posters-sink",
    # A row locked by somebody's open transaction is no reason to wait without saying so.
    "lock_timeout": "5s",
    # Tables grow from nothing to millions of rows while a session lives; a plan made early would stay.
    "plan_cache_mode": "force_custom_plan",
    # Rows are found by key; what is asked for is recent, and so in memory.
    "random_page_cost": "1.1",
    "jit": "off",
}


class Database:
    """A connection for one caller at a time. `on_connect` is SQL that every new connection begins with."""

    def __init__(self, url: str, *, on_connect: str = "", command_seconds: float = COMMAND_SECONDS) -> None:
        self._url = url
        self._on_connect = on_connect
        self._command_seconds = command_seconds
        self._connection: Connection | None = None

    async def fetch_value(self, query: str, *arguments: object) -> Any:
        """Return the first column of the first row. Raises UnavailableError, BadRowError, SchemaMismatchError."""
        return await self._with_connection(lambda connection: connection.fetchval(query, *arguments))

    async def fetch_rows(self, query: str, *arguments: object) -> Sequence[asyncpg.Record]:
        """Return all rows. Raises UnavailableError, BadRowError, SchemaMismatchError."""
        return await self._with_connection(lambda connection: connection.fetch(query, *arguments))

    async def close(self) -> None:
        """Let the connection go; the next call makes another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def _with_connection(self, action: Callable[[Connection], Awaitable[T]]) -> T:
        try:
            return await action(await self._connected())
        except asyncio.CancelledError:
            await self.close()
            raise
        except Exception as error:
            meaning = translated(error)
            if isinstance(meaning, UnavailableError):
                await self.close()
            if meaning is error:
                raise
            raise meaning from error

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(
                self._url, timeout=CONNECT_SECONDS, command_timeout=self._command_seconds, server_settings=_SESSION
            )
            if self._on_connect:
                await self._connection.execute(self._on_connect)
        return self._connection

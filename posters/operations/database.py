"""A database connection for the length of one operation."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from agents.postgres import UNANSWERED, Connection, SchemaMismatchError, translated
from agents.settings import Settings
from posters.operations.errors import OperationError

CONNECT_SECONDS: Final = 5.0


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Connection]:
    """Give a connection to the database.

    Raises UnavailableError where it is unavailable, and OperationError where it and this build do not fit, as before
    `posters setup`.
    """
    try:
        connection = await asyncpg.connect(settings.database_url, timeout=CONNECT_SECONDS)
    except (*UNANSWERED, asyncpg.PostgresError) as error:
        raise _for_operators(error) from error
    try:
        yield connection
    except (asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.PostgresError) as error:
        raise _for_operators(error) from error
    finally:
        await connection.close()


def _for_operators(error: Exception) -> Exception:
    meaning = translated(error)
    return OperationError(str(meaning)) if isinstance(meaning, SchemaMismatchError) else meaning

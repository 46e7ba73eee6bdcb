"""A database connection for the length of one operation."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from agents.postgres import UNANSWERED
from agents.settings import Settings
from posters.operations.errors import OperationError
from streams.errors import UnavailableError

CONNECT_SECONDS: Final = 5.0


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Any]:
    """Give a connection to the database.

    Raises UnavailableError where it cannot be reached, and OperationError before `posters setup`.
    """
    try:
        connection = await asyncpg.connect(settings.database_url, timeout=CONNECT_SECONDS)
    except (*UNANSWERED, asyncpg.PostgresError) as error:
        raise UnavailableError(
            f"no connection to the database of POSTERS_DATABASE_URL: {error or 'no answer'}"
        ) from error
    try:
        yield connection
    except asyncpg.UndefinedTableError as error:
        raise OperationError("the database lacks tables of this build; run `posters setup`") from error
    finally:
        await connection.close()

"""Which roles exceeded their dead-letter limit, stored in Postgres."""

from pathlib import Path
from typing import Any, Final

from agents.postgres import Database, SchemaMismatchError
from streams.errors import UnavailableError
from streams.sql import named_queries
from streams.topics import Role

SQL: Final = named_queries(Path(__file__).with_name("dead_letter_limits.sql"))


class DeadLetterLimitTable:
    """The table `blown_fuses` as one build sees it: rows of other builds do not count."""

    def __init__(self, database: Database, build: str) -> None:
        self._database = database
        self._build = build

    async def exceeded_reason(self, role: Role) -> str | None:
        """Return why the role exceeded its limit, or None. Raises UnavailableError."""
        row = await self._ask("exceeded_reason", role, self._build)
        return None if row is None else str(row["reason"])

    async def save_exceeded(self, role: Role, reason: str) -> None:
        """Store that the role exceeded its limit. Raises UnavailableError."""
        await self._ask("save_exceeded", role, self._build, reason)

    async def save_reopened(self, role: Role) -> None:
        """Store that the role works again. Raises UnavailableError."""
        await self._ask("save_reopened", role, self._build)

    async def _ask(self, query: str, *arguments: object) -> Any:
        try:
            return await self._database.fetch_row(SQL[query], *arguments)
        except SchemaMismatchError as error:
            # Most roles need the database for nothing else and should not end because of it.
            raise UnavailableError(str(error)) from error

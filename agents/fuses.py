"""Which roles' fuses have blown, kept in Postgres."""

from pathlib import Path
from typing import Any, Final

from agents.database import Database
from agents.database_errors import WrongDatabaseError
from streams.errors import TryAgainError
from streams.sql import named_queries
from streams.topics import Role

SQL: Final = named_queries(Path(__file__).with_name("fuses.sql"))


class FuseTable:
    """The table `blown_fuses`, as one build sees it: what another build has left there does not count."""

    def __init__(self, database: Database, build: str) -> None:
        self._database = database
        self._build = build

    async def blown(self, role: Role) -> str | None:
        """Return why the role's fuse has blown, or None. Raises TryAgainError."""
        row = await self._ask("blown", role, self._build)
        return None if row is None else str(row["reason"])

    async def blow(self, role: Role, reason: str) -> None:
        """Keep that the role's fuse has blown. Raises TryAgainError."""
        await self._ask("blow", role, self._build, reason)

    async def _ask(self, query: str, *arguments: object) -> Any:
        try:
            return await self._database.fetchrow(SQL[query], *arguments)
        except WrongDatabaseError as error:
            # Most roles need the database for nothing else, and shall not end for it.
            raise TryAgainError(str(error)) from error

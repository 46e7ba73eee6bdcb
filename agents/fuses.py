"""Which roles' fuses have blown, kept in Postgres."""

from pathlib import Path
from typing import Final

from agents.database import Database
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
        row = await self._database.fetchrow(SQL["blown"], role, self._build)
        return None if row is None else str(row["reason"])

    async def blow(self, role: Role, reason: str) -> None:
        """Keep that the role's fuse has blown. Raises TryAgainError."""
        await self._database.fetchrow(SQL["blow"], role, self._build, reason)

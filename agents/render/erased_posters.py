"""Which posters were erased: an event of one may be delivered again after its image was deleted (at-least-once)."""

from pathlib import Path
from typing import Final, Protocol

from agents.postgres import Database
from streams.errors import UnavailableError
from streams.sql import named_queries

SQL: Final = named_queries(Path(__file__).with_name("erased_posters.sql"))


class ErasedPosters(Protocol):
    """Knows which posters were erased."""

    async def contains(self, job_id: str, poster_index: int) -> bool:
        """Return whether a poster was erased."""
        ...


class ErasedPostersTable:
    """The table `erased_posters`, from which nothing is ever removed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def contains(self, job_id: str, poster_index: int) -> bool:
        """Return whether a poster was erased; False while the database is unavailable: posters do not wait for it."""
        try:
            return bool(await self._database.fetch_value(SQL["contains"], job_id, poster_index))
        except UnavailableError:
            return False

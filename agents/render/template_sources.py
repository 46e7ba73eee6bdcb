"""Template versions by id, read from Postgres once: a version never changes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from cachetools import LRUCache

from agents.postgres import Database
from streams.sql import named_queries

SQL: Final = named_queries(Path(__file__).with_name("template_sources.sql"))
CACHED_CHARACTERS: Final = 16_000_000
"""HTML in memory: some thirty of the largest templates, or thousands of usual ones."""


@dataclass(frozen=True, slots=True)
class TemplateSource:
    """The HTML of a template version, and whether its scripts may run."""

    html: str
    javascript: bool


class TemplateSources:
    """A cache of template versions; the least recently used ones are evicted."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cached: LRUCache[UUID, TemplateSource] = LRUCache(CACHED_CHARACTERS, getsizeof=_characters)

    async def get(self, version_id: UUID) -> TemplateSource | None:
        """Return a template version; None where there is none of this id.

        Raises UnavailableError while Postgres is unavailable and the version is not cached.
        """
        cached: TemplateSource | None = self._cached.get(version_id)
        if cached is None:
            row = await self._database.fetch_row(SQL["find_source"], version_id)
            if row is None:
                return None
            cached = self._cached[version_id] = TemplateSource(row["html_content"], row["javascript"])
        return cached


def _characters(source: TemplateSource) -> int:
    return len(source.html)

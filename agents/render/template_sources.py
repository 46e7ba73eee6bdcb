"""Compiled template versions by id, read from Postgres once: a version never changes."""

from collections import OrderedDict
from pathlib import Path
from typing import Final
from uuid import UUID

from agents.postgres import Database
from renderer.language.template import Template
from streams.sql import named_queries

SQL: Final = named_queries(Path(__file__).with_name("template_sources.sql"))
CACHE_SIZE: Final = 256
"""Compiled templates in memory; the largest, of 512 KB each, would take some 300 MB, the usual ones a few."""


class TemplateSources:
    """A cache of compiled templates; the least recently used ones are evicted."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cached: OrderedDict[UUID, tuple[Template, bool]] = OrderedDict()

    async def get(self, version_id: UUID) -> tuple[Template, bool] | None:
        """Return the template and whether it may run JavaScript; None where there is no such version.

        Raises UnavailableError while Postgres is unavailable and the version is not cached, and the template's own
        errors where it does not compile.
        """
        cached = self._cached.get(version_id)
        if cached is None:
            row = await self._database.fetch_row(SQL["find_source"], version_id)
            if row is None:
                return None
            cached = self._cached[version_id] = (Template(row["html_content"]), row["javascript"])
            if len(self._cached) > CACHE_SIZE:
                self._cached.popitem(last=False)
        self._cached.move_to_end(version_id)
        return cached

"""Template versions by id: read from Postgres once, then kept, because a version never changes."""

from collections import OrderedDict
from pathlib import Path
from typing import Final
from uuid import UUID

from agents.postgres import Database
from renderer.language.template import Template
from streams.sql import named_queries

SQL: Final = named_queries(Path(__file__).with_name("template_sources.sql"))
KEPT: Final = 256
"""Compiled templates kept; the largest, of 512 KB each, would take some 300 MB, the usual ones a few."""


class TemplateSources:
    """Compiled templates by version id."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: OrderedDict[UUID, tuple[Template, bool]] = OrderedDict()

    async def get(self, version_id: UUID) -> tuple[Template, bool] | None:
        """Return the template and whether it may run JavaScript; None where there is no such version.

        Raises UnavailableError while Postgres is away and the version is not known, template errors where it does not
        compile.
        """
        kept = self._kept.get(version_id)
        if kept is None:
            row = await self._database.fetch_row(SQL["find_source"], version_id)
            if row is None:
                return None
            kept = self._kept[version_id] = (Template(row["html_content"]), row["javascript"])
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(version_id)
        return kept

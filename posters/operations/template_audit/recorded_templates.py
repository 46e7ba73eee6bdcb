"""Template versions and their last posters, as the tables record them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
import orjson

from agents.postgres import Connection
from agents.templates.store import StoredVersion, TemplateStore
from schemas.outcomes import Image
from schemas.references import Numbered
from streams.sql import named_queries

SQL: Final = named_queries(Path(__file__).with_name("recorded_templates.sql"))


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedPoster:
    """A completed poster: its data, the output of its request, its stored images.

    `of_batch`: it may have had an output of its own, which is not recorded. `assets` is how many addresses it loaded.
    """

    template_id: UUID
    name: str
    data: dict[str, Any]
    output: dict[str, Any] | None
    images: list[Image]
    assets: int
    of_batch: bool


class RecordedTemplates:
    """Reads them on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._store = TemplateStore(connection)

    async def versions(self, after: Numbered | None, limit: int, *, every: bool) -> list[UUID]:
        """Return up to `limit` versions after one: the active ones, or `every` one that requests can name."""
        section, number = ("", 0) if after is None else (after.section, after.version)
        rows = await self._connection.fetch(SQL["versions"], every, section, number, limit)
        return [_uuid(row["id"]) for row in rows]

    async def version(self, template_id: UUID) -> StoredVersion:
        """Return a version that exists."""
        return await self._store.describe(template_id)

    async def last_posters(self, versions: Sequence[UUID], jobs: int) -> dict[UUID, RecordedPoster]:
        """Return the last completed poster of each version that has one among the newest `jobs` jobs."""
        rows = await self._connection.fetch(SQL["last_posters"], versions, jobs)
        return {poster.template_id: poster for poster in map(_poster, rows)}

    async def poster(self, name: str, template_id: UUID) -> RecordedPoster | None:
        """Return the completed poster `job_id/poster_index` of a version, or None."""
        job_id, _, index = name.rpartition("/")
        row = await self._connection.fetchrow(SQL["poster"], job_id, int(index), template_id)
        return None if row is None else _poster(row)


def _poster(row: "asyncpg.Record | Mapping[str, Any]") -> RecordedPoster:
    return RecordedPoster(
        template_id=_uuid(row["template_version_id"]),
        name=f"{row['job_id']}/{row['poster_index']}",
        data=orjson.loads(row["custom_data"]),
        output=None if row["output"] is None else orjson.loads(row["output"]),
        images=msgspec.convert(orjson.loads(row["images"]), list[Image]),
        assets=len(orjson.loads(row["assets"])),
        of_batch=row["of_batch"],
    )


def _uuid(value: Any) -> UUID:
    # asyncpg has a UUID class of its own, which no JSON encoder knows.
    return UUID(int=value.int)

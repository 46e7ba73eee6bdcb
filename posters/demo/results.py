"""Results of the demo's testimonials, from the database of the workers and that of the site."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import asyncpg

from streams.sql import named_queries

SQL: Final = named_queries(Path(__file__).with_name("results.sql"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One testimonial: what the sink recorded of its poster, and the URL that the site has."""

    entity_id: str
    author: str
    status: str
    milliseconds: int | None
    error: str | None
    poster_url: str

    @property
    def is_done(self) -> bool:
        """Whether the poster is made, recorded, and known to the site."""
        return self.status == "completed" and self.poster_url != ""

    @property
    def file(self) -> Path:
        """Where the poster is."""
        return Path(unquote(urlsplit(self.poster_url).path))


class ResultReader:
    """Reads the sink's and the site's database."""

    def __init__(self, recorded: Any, site: Any) -> None:
        self._recorded = recorded
        self._site = site

    async def results(self, authors: dict[str, str]) -> list[Result]:
        """Return one result for each job; `authors` are the names by job id."""
        rows = {row["job_id"]: row for row in await self._recorded.fetch(SQL["recorded"], list(authors))}
        urls = {row["job_id"]: row["poster_url"] for row in await self._site.fetch(SQL["site"])}
        return [_result(author, rows.get(job_id), urls.get(job_id, "")) for job_id, author in authors.items()]


def _result(author: str, row: asyncpg.Record | None, url: str) -> Result:
    if row is None:
        return Result(entity_id="", author=author, status="requested", milliseconds=None, error=None, poster_url=url)
    return Result(
        entity_id=row["entity_id"],
        author=author,
        status=row["status"],
        milliseconds=row["generation_time_ms"],
        error=row["error_message"],
        poster_url=url,
    )

"""What sources have used of their quotas on a day, read from Postgres."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from agents.quotas import quota_limits
from agents.settings import Settings
from posters.operations.database import connected
from streams.sql import named_queries

SQL: Final = named_queries(Path(__file__).with_name("quota.sql"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Posters and bytes of a source on one day, and the posters that were refused. A limit of None is none."""

    source: str | None
    posters: int
    posters_limit: int | None
    bytes: int
    bytes_limit: int | None
    refused: int


async def use_of_day(settings: Settings, day: date) -> Sequence[Use]:
    """Return what was counted on a day in UTC, by source. Raises UnavailableError, OperationError."""
    limits = quota_limits(settings)
    async with connected(settings) as connection:
        rows = await connection.fetch(SQL["use_of_day"], day)
    return [
        Use(
            **row,
            posters_limit=limits.of("posters", row["source"]),
            bytes_limit=limits.of("bytes", row["source"]),
        )
        for row in rows
    ]

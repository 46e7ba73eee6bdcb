"""Quotas: how many posters a source may request, and how many bytes may be stored for it, in a day (UTC).

Posters are counted where intake admits a request, bytes where the sink records an outcome; both in Postgres, so that
the numbers hold for any number of processes. What was decided on a request never changes: a record that is delivered
again is answered as before, and not counted again. Without quotas nothing is counted.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal, Protocol
from uuid import UUID

from agents.metrics import QUOTA_EXCEEDED
from agents.ownership import named
from agents.postgres import Database
from agents.settings import EVERY_OTHER_SOURCE, Settings
from agents.source_labels import SourceLabels
from schemas.requests import BatchRequested, PosterRequested
from streams.delivery import Delivery
from streams.replay import replay_generation
from streams.sql import named_queries
from streams.topics import REQUESTS_AGE

SQL: Final = named_queries(Path(__file__).with_name("quotas.sql"))

QuotaName = Literal["posters", "bytes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaLimits:
    """Posters and bytes a day by source; `*` stands for each source that is not named. No number is no limit."""

    posters: Mapping[str, int]
    bytes: Mapping[str, int]

    @property
    def are_set(self) -> bool:
        """Whether any source has a limit."""
        return bool(self.posters or self.bytes)

    def of(self, quota: QuotaName, source: str | None) -> int | None:
        """Return the limit of a source, which may be None itself."""
        limits = self.posters if quota == "posters" else self.bytes
        default = limits.get(EVERY_OTHER_SOURCE)
        return default if source is None else limits.get(source, default)


def quota_limits(settings: Settings) -> QuotaLimits:
    """Return the limits that the settings give."""
    return QuotaLimits(posters=settings.poster_quotas, bytes=settings.byte_quotas)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How many posters of a request are made, the first ones; `reason` says why the others are not."""

    posters: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedRequest:
    """A request whose posters count: `request` identifies what it says, `day` is that of its record."""

    request: UUID
    source: str | None
    day: date
    posters: int


class Quotas(Protocol):
    """Where posters are counted."""

    async def allow(self, requests: Sequence[CountedRequest]) -> list[Allowance | None]:
        """Return what is allowed of each request, None where all of it is. Raises UnavailableError."""
        ...


class QuotaTable:
    """The table `quota_use`. All requests of a call take one round trip.

    A request that is older than any can be counts on the first day of which one may still come. Where producers date
    their records themselves, each day of the past would otherwise have a quota of its own.
    """

    def __init__(self, database: Database, limits: QuotaLimits, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._limits = limits
        self._now = now
        self._labels = SourceLabels({*limits.posters, *limits.bytes})

    async def allow(self, requests: Sequence[CountedRequest]) -> list[Allowance | None]:
        """Return what is allowed of each request, None where all of it is. Raises UnavailableError."""
        if not requests:
            return []
        first_day = (self._now() - REQUESTS_AGE).astimezone(UTC).date()
        requests = [each if each.day >= first_day else replace(each, day=first_day) for each in requests]
        rows = await self._database.fetch_rows(
            SQL["count"],
            [each.request for each in requests],
            [each.source for each in requests],
            [each.day for each in requests],
            [each.posters for each in requests],
            [self._limits.of("posters", each.source) for each in requests],
            [self._limits.of("bytes", each.source) for each in requests],
        )
        return [self._allowance(request, row) for request, row in zip(requests, rows, strict=True)]

    def _allowance(self, request: CountedRequest, row: Any) -> Allowance | None:
        if row["quota"] is None:
            return None
        if row["is_new"]:
            refused = request.posters - row["granted"]
            QUOTA_EXCEEDED.labels(self._labels.label(request.source), row["quota"]).inc(refused)
        return Allowance(posters=row["granted"], reason=_reason(request, row["quota"], row["number"]))


def counted_request(request: PosterRequested | BatchRequested, delivery: Delivery) -> CountedRequest:
    """Return what a request counts as.

    It is identified by its bytes: by an id of its sender, other posters could be requested under one that was counted.
    """
    digest = hashlib.sha256(b"%d " % replay_generation(delivery))
    digest.update(delivery.value or b"")
    return CountedRequest(
        request=UUID(bytes=digest.digest()[:16]),
        source=request.source,
        day=delivery.timestamp.astimezone(UTC).date(),
        posters=1 if isinstance(request, PosterRequested) else len(request.posters),
    )


def _reason(request: CountedRequest, quota: str, number: int) -> str:
    next_day = datetime.combine(request.day + timedelta(days=1), datetime.min.time(), UTC)
    return (
        f"quota of {quota}: {named(request.source)} may have {number} {quota} a day, and has used them up; "
        f"the next day begins at {next_day.isoformat()}"
    )

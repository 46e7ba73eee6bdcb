"""Whose a job is: it belongs to the source that requests it first, and commands of another source are refused.

Decided in Postgres, where intake and the sink ask before they handle a request: neither the key of a record nor its
partition can decide it, because senders choose their keys. What was decided never changes, so all roles agree. Requests
without a source are one tenant of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, Protocol
from uuid import UUID

from agents.postgres import Database
from schemas.requests import (
    BatchRequested,
    JobCancelRequested,
    JobReplayRequested,
    PosterEraseRequested,
    PosterRequested,
    Request,
)
from schemas.topics import POSTER_REPLAYS
from streams.sql import named_queries

SQL: Final = named_queries(Path(__file__).with_name("ownership.sql"))
SOURCE_MISMATCH: Final[Literal["source_mismatch"]] = "source_mismatch"
"""Reason of a dead letter, and code of a template command, that was refused for its source."""

Kind = Literal["request", "cancel", "erase", "replay"]
Standing = Literal["own", "foreign", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCommand:
    """What a source asks of a job: posters from index `first` to `last` in a `generation`, or something else.

    `requested_at` is the record's time, `reason` that of a cancel.
    """

    job_id: str
    source: str | None
    kind: Kind
    event_id: UUID
    requested_at: datetime
    first: int = 0
    last: int = 0
    generation: int = 0
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyCancel:
    """A cancel by the job's owner that came before the job."""

    event_id: UUID
    requested_at: datetime
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """How a command's source stands to its job, and what applies to the posters that it names.

    `unknown`: nobody has requested the job; the command is in force if this source does. `erased_at`: the whole job was
    erased then. `recorded`: the highest recorded generation, 0 where there is none or none was asked for.
    """

    standing: Standing = "own"
    owner: str | None = None
    erased_at: datetime | None = None
    erased_indexes: frozenset[int] = frozenset()
    recorded: int = 0
    early_cancel: EarlyCancel | None = None

    def refusal(self, command: JobCommand) -> str | None:
        """Return why the command is refused for its source, None where it is not."""
        if self.standing != "foreign":
            return None
        return (
            f"{SOURCE_MISMATCH}: job `{command.job_id}` belongs to {named(self.owner)}, "
            f"not to {named(command.source)}; this {command.kind} was not carried out"
        )

    def is_erased_for(self, requested_at: datetime) -> bool:
        """Return whether the job was erased before this request of it.

        A request from before is handled, however late: its posters end, and are erased then. So all roles decide alike,
        whichever of them knows of the erasure first. Those that are erased already are in `erased_indexes`.
        """
        return self.erased_at is not None and requested_at > self.erased_at

    def cancel_of(self, generation: int) -> EarlyCancel | None:
        """Return the cancel that came before the job, where it covers this generation: a replay comes after it."""
        return self.early_cancel if generation == 0 else None

    def allows_generation(self, generation: int) -> bool:
        """Return whether posters may be made in this generation: the recorded ones, or one more."""
        return generation <= self.recorded + 1


OWN: Final = Grant()


def may_replay(generation: int, topic: str, *, by_header: bool) -> bool:
    """Return whether a record of this topic may name this generation: above 0 that is for `poster-replays`.

    `by_header`: the header on `poster-requests` counts as well, as in earlier builds.
    """
    return generation == 0 or by_header or topic == POSTER_REPLAYS


class JobOwners(Protocol):
    """Where it is decided whose a job is."""

    async def claim(self, commands: Sequence[JobCommand]) -> list[Grant]:
        """Return the grant of each command. A request claims a job that nobody owns. Raises UnavailableError."""
        ...


class JobOwnersTable:
    """The table `job_owners`. All commands of a call take one round trip."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, commands: Sequence[JobCommand]) -> list[Grant]:
        """Return the grant of each command. Raises UnavailableError, SchemaMismatchError."""
        if not commands:
            return []
        names = ("job_id", "source", "kind", "first", "last", "generation", "event_id", "requested_at", "reason")
        columns = ([getattr(command, name) for command in commands] for name in names)
        return [_grant(row) for row in await self._database.fetch_rows(SQL["claim"], *columns)]


def _grant(row: Any) -> Grant:
    cancel = None
    if row["cancel_event_id"] is not None:
        cancel = EarlyCancel(
            event_id=UUID(int=row["cancel_event_id"].int),
            requested_at=row["cancel_requested_at"],
            reason=row["cancel_reason"],
        )
    return Grant(
        standing=row["standing"],
        owner=row["owner"],
        erased_at=row["erased_at"],
        erased_indexes=frozenset(row["erased_indexes"]),
        recorded=row["recorded"],
        early_cancel=cancel,
    )


def job_command(request: Request, requested_at: datetime, generation: int) -> JobCommand | None:
    """Return what a request asks of a job; None for an erasure by entity, which concerns the source's own posters."""
    fields: dict[str, Any] = {"source": request.source, "event_id": request.event_id, "requested_at": requested_at}
    match request:
        case PosterRequested():
            return JobCommand(job_id=request.job_id, kind="request", generation=generation, **fields)
        case BatchRequested():
            first = request.first_index
            last = first + len(request.posters) - 1
            return JobCommand(
                job_id=request.job_id, kind="request", first=first, last=last, generation=generation, **fields
            )
        case JobCancelRequested():
            return JobCommand(job_id=request.job_id, kind="cancel", reason=request.reason, **fields)
        case JobReplayRequested():
            return JobCommand(job_id=request.job_id, kind="replay", **fields)
        case PosterEraseRequested(job_id=job_id) if job_id is not None:
            return JobCommand(job_id=job_id, kind="erase", **fields)
    return None


def named(source: str | None) -> str:
    """Return a source as messages name it."""
    return "those without a source" if source is None else f"the source `{source}`"

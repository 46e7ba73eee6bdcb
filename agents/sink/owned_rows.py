"""Which rows of requests may be written: those of a job's owner, in a generation that is due, of what is not erased."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from agents.events import erased_id
from agents.ownership import Grant, JobCommand
from agents.sink.rows import CancelRow, JobRow, PosterRow, Row
from schemas import topics
from streams.delivery import Delivery

REQUEST_TOPICS: Final = (topics.POSTER_REQUESTS, topics.POSTER_REPLAYS)


def command_of(delivery: Delivery, rows: Sequence[Row]) -> JobCommand | None:
    """Return what a record of these rows asks of its job; None for records that only roles write."""
    if delivery.topic not in REQUEST_TOPICS or not rows:
        return None
    first = rows[0]
    match first:
        case CancelRow():
            return JobCommand(
                job_id=first.job_id,
                source=first.source,
                kind="cancel",
                event_id=first.cancel_event_id,
                requested_at=first.cancel_requested_at,
                reason=first.cancel_reason,
            )
        case JobRow():
            posters = [row for row in rows if isinstance(row, PosterRow)]
            return JobCommand(
                job_id=first.job_id,
                source=first.source,
                kind="request",
                event_id=posters[0].event_id,
                requested_at=first.requested_at,
                first=posters[0].poster_index,
                last=posters[-1].poster_index,
                generation=posters[0].generation,
            )
    raise TypeError(f"a request gives no {type(first).__name__} first")


def owned_rows(rows: list[Row], command: JobCommand, grant: Grant) -> list[Row]:
    """Return the rows that a record of this command and grant may write; none where it is refused."""
    if grant.standing != "own":
        return []
    if command.kind == "cancel":
        return rows
    erased_at = _erased_at(command, grant)
    if command.generation > 0:
        due = erased_at is None and grant.allows_generation(command.generation)
        # Intake requests no rendering of erased posters: a row of one would be open until it is stale.
        remaining = [row for row in rows if not _is_erased(row, grant)]
        return remaining if due and any(isinstance(row, PosterRow) for row in remaining) else []
    rows = [_without_data(row) if _is_erased(row, grant) else row for row in rows]
    if erased_at is not None:
        erased = CancelRow(
            job_id=command.job_id,
            cancel_event_id=erased_id(command.job_id),
            cancel_requested_at=erased_at,
            cancel_reason="erased",
            source=command.source,
        )
        return [*map(_without_data, rows), erased]
    if grant.early_cancel is not None:
        cancel = CancelRow(
            job_id=command.job_id,
            cancel_event_id=grant.early_cancel.event_id,
            cancel_requested_at=grant.early_cancel.requested_at,
            cancel_reason=grant.early_cancel.reason,
            source=command.source,
        )
        return [*rows, cancel]
    return rows


def _erased_at(command: JobCommand, grant: Grant) -> datetime | None:
    """Return when the job was erased, if that was before the request, or if all of its posters are erased by now."""
    if grant.is_erased_for(command.requested_at):
        return grant.erased_at
    return grant.erased_at if grant.erased_indexes.issuperset(range(command.first, command.last + 1)) else None


def _is_erased(row: Row, grant: Grant) -> bool:
    return isinstance(row, PosterRow) and row.poster_index in grant.erased_indexes


def _without_data(row: Row) -> Row:
    match row:
        case JobRow():
            return replace(row, input_data={})
        case PosterRow():
            return replace(row, custom_data={}, output=None)
    return row

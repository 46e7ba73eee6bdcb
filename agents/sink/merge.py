"""Merging rows: at most one for each job, poster and log line, because one statement may change a row only once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter
from typing import TypeVar
from uuid import UUID

from agents.sink.rows import CancelRow, JobRow, LogRow, PosterRow, Row

T = TypeVar("T", JobRow, PosterRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedBatch:
    """What one flush writes; `conflicts` counts outcomes that contradict an earlier one of that poster here."""

    jobs: list[JobRow]
    posters: list[PosterRow]
    cancels: list[CancelRow]
    logs: list[LogRow]
    conflicts: int


def merge(rows: Iterable[Row]) -> MergedBatch:
    """Merge rows, given in the order of their partitions."""
    jobs: list[JobRow] = []
    posters: list[PosterRow] = []
    cancels: dict[str, CancelRow] = {}
    logs: dict[UUID, LogRow] = {}
    for row in rows:
        match row:
            case PosterRow():
                posters.append(row)
            case LogRow():
                logs.setdefault(row.event_id, row)
            case JobRow():
                jobs.append(row)
            case CancelRow():
                cancels[row.job_id] = row
    grouped = list(_groups(posters, "key"))
    return MergedBatch(
        jobs=[_merge_job(group) for group in _groups(jobs, "job_id")],
        posters=[_merge_poster(group) for group in grouped],
        cancels=list(cancels.values()),
        logs=list(logs.values()),
        conflicts=sum(_conflicts(group) for group in grouped if len(group) > 1),
    )


def _groups(rows: list[T], key: str) -> Iterator[list[T]]:
    get = attrgetter(key)
    return (list(group) for _, group in groupby(sorted(rows, key=get), key=get))


def _merge_job(requests: list[JobRow]) -> JobRow:
    """Return the first request of a job; a later part can only raise its `total_count`."""
    total = max(request.total_count for request in requests)
    return requests[0] if requests[0].total_count == total else replace(requests[0], total_count=total)


def _merge_poster(rows: list[PosterRow]) -> PosterRow:
    """Return the furthest state, with the first request's data and the pinned version where the batch has them."""
    if len(rows) == 1:
        return rows[0]
    state = _furthest(rows)
    known: dict[str, object] = {}
    request = next((row for row in rows if row.requested_at is not None), None)
    if request is not None and request is not state:
        names = ("entity_id", "custom_data", "output", "metadata", "source", "requested_at", "created_at")
        known |= _values(request, *names)
    if state.template_version_id is None:
        pinned = next((row for row in rows if row.template_version_id is not None), None)
        if pinned is not None:
            known |= _values(pinned, "template_version_id", "section", "template_version")
    return replace(state, **known) if known else state  # type: ignore[arg-type]


def _furthest(rows: list[PosterRow]) -> PosterRow:
    """Return the first outcome of the highest generation in topic order, else its furthest state."""
    newest = max(row.generation for row in rows)
    current = [row for row in rows if row.generation == newest]
    outcome = next((row for row in current if row.rank == 2), None)
    return outcome or max(current, key=lambda row: (row.rank, row.attempt))


def _conflicts(rows: list[PosterRow]) -> int:
    outcomes: dict[int, set[UUID]] = {}
    for row in rows:
        if row.rank == 2:
            outcomes.setdefault(row.generation, set()).add(row.event_id)
    return sum(len(ids) - 1 for ids in outcomes.values())


def _values(row: PosterRow, *names: str) -> dict[str, object]:
    return {name: getattr(row, name) for name in names}

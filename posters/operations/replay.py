"""Making posters of a job again: which requests say so."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from schemas import topics
from schemas.envelope import fact_id
from schemas.requests import BatchRequested, PosterRequested
from streams.delivery import Headers, Record
from streams.records import event_record
from streams.replay import replayed


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A poster that is to be made again: its generation so far, and the template version it was pinned to, if any."""

    generation: int
    template: str | None


def indexes_of(request: PosterRequested | BatchRequested) -> range:
    """Return the indexes of a request's posters."""
    if isinstance(request, PosterRequested):
        return range(1)
    return range(request.first_index, request.first_index + len(request.posters))


def replay_records(
    request: PosterRequested | BatchRequested, wanted: Mapping[int, Recorded], headers: Headers, now: datetime
) -> Iterator[Record]:
    """Yield the records that ask again for those posters of a request that are `wanted`, by their index.

    Each has a generation above the recorded one and the template version of the first time. A deadline that has passed
    is left out. The same call yields the same events, but for their time.
    """
    if isinstance(request, PosterRequested):
        if 0 in wanted:
            yield _record(request, wanted[0], 0, headers, now)
        return
    chosen = [index for index in indexes_of(request) if index in wanted]
    runs = groupby(
        enumerate(chosen), key=lambda each: (each[1] - each[0], wanted[each[1]].generation, wanted[each[1]].template)
    )
    for _, run in runs:
        first, *others = [index for _, index in run]
        start = first - request.first_index
        part = replace(
            request,
            posters=request.posters[start : start + 1 + len(others)],
            first_index=first,
            total_count=request.total,
            part=1 if first == 0 else request.part,
        )
        yield _record(part, wanted[first], first, headers, now)


def _record(
    request: PosterRequested | BatchRequested, recorded: Recorded, first: int, headers: Headers, now: datetime
) -> Record:
    generation = recorded.generation + 1
    again = replace(
        request,
        event_id=fact_id("replay", request.job_id, first, generation),
        occurred_at=now,
        template_id=recorded.template or request.template_id,
        deadline=request.deadline if request.deadline is not None and request.deadline > now else None,
    )
    origin = f"{request.job_id}/{first}"
    return event_record(topics.POSTER_REQUESTS, request.job_id, again, replayed(headers, generation, origin))

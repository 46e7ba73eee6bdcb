"""Replay a job: publish its requests again, in a new generation, for the posters that have ended."""

import asyncio
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import cast

from agents.events import replay_id
from agents.settings import Settings
from posters.operations.audit import audit_record
from posters.operations.errors import OperationError
from posters.operations.jobs import recorded_jobs
from posters.operations.kafka_client import KafkaClient, headers_of
from schemas import topics
from schemas.codec import ContractError, decode
from schemas.requests import BatchRequested, PosterRequested
from streams.delivery import Headers, Record
from streams.records import event_record
from streams.replay import GENERATION, LARGEST_GENERATION, replayed

Request = PosterRequested | BatchRequested


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The recorded generation and source of a poster that has ended, and the version it was pinned to, if any."""

    generation: int
    template: str | None
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """How many posters were requested again, and of how many the requests are no longer on their topic."""

    count: int
    missing: int


async def replay_job(settings: Settings, job_id: str, *, failed_only: bool, now: datetime) -> Replayed:
    """Request the job's ended posters again, as they were requested; those in flight are left alone.

    Raises UnavailableError, and OperationError where the job is not recorded or a poster's generation is the last one.
    """
    ended = await _ended(settings, job_id, failed_only)
    if not ended:
        return Replayed(count=0, missing=0)
    count = await asyncio.to_thread(_publish, settings, job_id, ended, failed_only, now)
    return Replayed(count=count, missing=len(ended) - count)


def replay_topic(settings: Settings) -> str:
    """Return the topic that replays go to: the one of requests as long as roles may run that read no other."""
    return topics.POSTER_REPLAYS if settings.replay_header == "refuse" else topics.POSTER_REQUESTS


def indexes_of(request: Request) -> range:
    """Return the indexes of a request's posters."""
    if isinstance(request, PosterRequested):
        return range(1)
    return range(request.first_index, request.first_index + len(request.posters))


def replay_records(
    request: Request,
    ended: Mapping[int, Recorded],
    headers: Headers,
    now: datetime,
    topic: str = topics.POSTER_REQUESTS,
) -> Iterator[Record]:
    """Yield the records on `topic` that request the `ended` posters of a request again; keys are poster indexes.

    Each has a generation above the recorded one and the pinned template version. A deadline that has passed is left
    out. The same call yields the same events, except for their time: a replay is idempotent.
    """
    if isinstance(request, PosterRequested):
        if 0 in ended:
            yield _record(request, ended[0], 0, headers, now, topic)
        return
    chosen = [index for index in indexes_of(request) if index in ended]
    runs = groupby(
        enumerate(chosen), key=lambda each: (each[1] - each[0], ended[each[1]].generation, ended[each[1]].template)
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
        yield _record(part, ended[first], first, headers, now, topic)


def _record(request: Request, recorded: Recorded, first: int, headers: Headers, now: datetime, topic: str) -> Record:
    generation = recorded.generation + 1
    again = replace(
        request,
        event_id=replay_id(request.job_id, first, generation),
        occurred_at=now,
        template_id=recorded.template or request.template_id,
        deadline=request.deadline if request.deadline is not None and request.deadline > now else None,
    )
    origin = f"{request.job_id}/{first}"
    return event_record(topic, request.job_id, again, replayed(headers, generation, origin))


async def _ended(settings: Settings, job_id: str, failed_only: bool) -> dict[int, Recorded]:
    statuses = ["failed"] if failed_only else ["completed", "failed", "cancelled"]
    async with recorded_jobs(settings) as jobs:
        if await jobs.find(job_id) is None:
            raise OperationError(f"job {job_id} is not recorded")
        rows = await jobs.ended(job_id, statuses)
    spent = [row["poster_index"] for row in rows if row["generation"] >= LARGEST_GENERATION]
    if spent:
        raise OperationError(
            f"{len(spent)} posters of {job_id} are in the last generation, {LARGEST_GENERATION:,}, the first of them "
            f"poster {spent[0]}; they cannot be replayed: request them again as a new job"
        )
    return {
        row["poster_index"]: Recorded(generation=row["generation"], template=row["template"], source=row["source"])
        for row in rows
    }


def _publish(settings: Settings, job_id: str, ended: Mapping[int, Recorded], failed_only: bool, now: datetime) -> int:
    client = KafkaClient(settings)
    requests = list(_requests(client, job_id, {each.source for each in ended.values()}))
    topic = replay_topic(settings)
    records = [
        record for request, headers in requests for record in replay_records(request, ended, headers, now, topic)
    ]
    count = len({index for request, _ in requests for index in indexes_of(request) if index in ended})
    if records:
        details = {"count": count, "failed_only": failed_only}
        audit = audit_record(job_id, "job_replayed", f"{count} posters replayed", details, now)
        client.publish([*records, audit])
    return count


def _requests(client: KafkaClient, job_id: str, sources: Set[str | None]) -> Iterator[tuple[Request, Headers]]:
    """Yield the original requests of the job's sources, each once; replays of them are left out.

    Senders choose the keys of their records, and any source may name the job.
    """
    seen: set[object] = set()
    with client.reader(topics.POSTER_REQUESTS, from_beginning=True) as records:
        for message in records.until_end():
            headers, value = headers_of(message), message.value()
            if job_id.encode() not in (value or b"") or any(name == GENERATION for name, _ in headers):
                continue
            try:
                request = cast("Request", decode(value, PosterRequested, BatchRequested))
            except ContractError:
                continue
            if request.job_id == job_id and request.source in sources and request.event_id not in seen:
                seen.add(request.event_id)
                yield request, headers

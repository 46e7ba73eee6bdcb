"""Replays on request of a site: request the ended posters of its job again, in the generation after the recorded one.

The new requests are built from the tables and go to `poster-replays`, which only roles and operators may write, so the
generation is not the site's to choose. A request to replay is recorded before it is acknowledged, and carried out
beside the flushes.
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec
import orjson

from agents.events import job_replayed, replay_id
from agents.ownership import JobOwnersTable, job_command
from agents.postgres import Database
from agents.sink.decode import recorded_request
from schemas.limits import BATCH_MAX_POSTERS, REQUEST_MAX_BYTES
from schemas.requests import BatchPoster, BatchRequested, JobReplayRequested
from schemas.topics import POSTER_REPLAYS
from streams.delivery import Delivery, Publisher, Record
from streams.errors import UnavailableError
from streams.logs import log_delivery
from streams.records import event_headers, event_record
from streams.replay import LARGEST_GENERATION, replayed
from streams.retry import Sleep, retry_while_unavailable
from streams.sql import named_queries

logger = logging.getLogger(__name__)

SQL: Final = named_queries(Path(__file__).with_name("replays.sql"))
EVERY_SECONDS: Final = 2.0
_POSTERS_MAX_BYTES: Final = REQUEST_MAX_BYTES - 100 * 1024
"""What the posters of one request may take; the rest is for what they have in common."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A recorded request to replay a job, with what the job's request said of all its posters.

    With `poster_index` that poster only, which had ended in `generation`.
    """

    event_id: UUID
    job_id: str
    source: str | None
    failed_only: bool
    poster_index: int | None
    generation: int | None
    requested_at: datetime
    created_at: datetime
    template_id: str
    input_data: dict[str, Any]
    total_count: int
    deadline: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedPoster:
    """A poster to make again: the recorded generation, its pinned template, if any, and the poster as JSON."""

    poster_index: int
    generation: int
    template: str | None
    poster: bytes


class Replays:
    """Records requests to replay, and carries them out. It may share a connection with the erasures."""

    def __init__(self, database: Database, publisher: Publisher, *, sleep: Sleep = asyncio.sleep) -> None:
        self._database = database
        self._owners = JobOwnersTable(database)
        self._publisher = publisher
        self._sleep = sleep

    async def record(self, deliveries: Iterable[Delivery]) -> None:
        """Record the requests to replay among these records; they may be acknowledged afterwards.

        Only of jobs of their source; intake makes dead letters of the others.
        """
        for delivery in deliveries:
            request = recorded_request(delivery, JobReplayRequested)
            if request is not None:
                with log_delivery(delivery, request):
                    await retry_while_unavailable(partial(self._record, request, delivery.timestamp))

    async def _record(self, request: JobReplayRequested, at: datetime) -> None:
        command = job_command(request, at, generation=0)
        grants = await self._owners.claim([command] if command is not None else [])
        if all(grant.standing == "own" and grant.erased_at is None for grant in grants):
            identity = (request.event_id, request.job_id, request.source, request.failed_only, request.poster_index)
            await self._database.fetch_rows(SQL["record"], *identity, at)

    async def run(self) -> None:
        """Sweep until cancelled; a sweep that fails with UnavailableError is repeated."""
        while True:
            try:
                await self.sweep()
            except UnavailableError as error:
                logger.warning("replays failed, next sweep in %.0f s: %s", EVERY_SECONDS, error)
            await self._sleep(EVERY_SECONDS)

    async def sweep(self) -> int:
        """Carry out what is recorded and return how many posters were requested again. Raises UnavailableError.

        Idempotent: a repeat requests the same generations. Two sinks may do the same replay, to the same effect.
        """
        count = 0
        await self._database.fetch_rows(SQL["pin"])
        for row in await self._database.fetch_rows(SQL["recorded"]):
            identity = {"event_id": UUID(int=row["event_id"].int), "input_data": orjson.loads(row["input_data"])}
            count += await self._replay(Replay(**{**row, **identity}))
        await self._database.fetch_rows(SQL["expire"])
        return count

    async def _replay(self, replay: Replay) -> int:
        count, after = 0, -1
        one = (replay.poster_index, replay.generation)
        while rows := await self._database.fetch_rows(
            SQL["ended"], replay.job_id, replay.created_at, after, replay.failed_only, LARGEST_GENERATION, *one
        ):
            posters = [_replayed_poster(row) for row in rows]
            await self._publisher.publish(list(replay_records(replay, posters)))
            count, after = count + len(posters), posters[-1].poster_index
        line = job_replayed(
            replay.event_id,
            replay.job_id,
            count,
            failed_only=replay.failed_only,
            poster_index=replay.poster_index,
            at=replay.requested_at,
            source=replay.source,
        )
        await self._publisher.publish([line])
        await self._database.fetch_rows(SQL["done"], replay.event_id)
        return count


def replay_records(replay: Replay, posters: Sequence[ReplayedPoster]) -> Iterator[Record]:
    """Yield the records that request these posters again, given in the order of their indexes.

    Posters with consecutive indexes and the same generation and template share a request, as far as its size allows.
    """
    runs = groupby(
        enumerate(posters), key=lambda each: (each[1].poster_index - each[0], each[1].generation, each[1].template)
    )
    for _, run in runs:
        piece: list[ReplayedPoster] = []
        size = 0
        for _, poster in run:
            if piece and (len(piece) == BATCH_MAX_POSTERS or size + len(poster.poster) > _POSTERS_MAX_BYTES):
                yield _request_record(replay, piece)
                piece, size = [], 0
            piece.append(poster)
            size += len(poster.poster)
        yield _request_record(replay, piece)


def _request_record(replay: Replay, posters: Sequence[ReplayedPoster]) -> Record:
    first = posters[0]
    generation = first.generation + 1
    options = replay.input_data
    deadline = replay.deadline
    request = BatchRequested(
        event_id=replay_id(replay.job_id, first.poster_index, generation),
        occurred_at=replay.requested_at,
        source=replay.source,
        job_id=replay.job_id,
        template_id=first.template or replay.template_id,
        posters=[msgspec.Raw(poster.poster) for poster in posters],
        output=options.get("output"),
        strict=options.get("strict", False),
        reuse=options.get("reuse", True),
        priority=options.get("priority"),
        deadline=deadline if deadline is not None and deadline > replay.requested_at else None,
        parts=max(1, -(-replay.total_count // BATCH_MAX_POSTERS)),
        first_index=first.poster_index,
        total_count=replay.total_count,
    )
    origin = f"{replay.job_id}/{first.poster_index}"
    return event_record(POSTER_REPLAYS, replay.job_id, request, replayed(event_headers(), generation, origin))


def _replayed_poster(row: Any) -> ReplayedPoster:
    poster = BatchPoster(
        entity_id=row["entity_id"],
        custom_data=orjson.loads(row["custom_data"]),
        metadata=orjson.loads(row["metadata"]),
        output=None if row["output"] is None else orjson.loads(row["output"]),
    )
    return ReplayedPoster(
        poster_index=row["poster_index"],
        generation=row["generation"],
        template=row["template"],
        poster=orjson.dumps(poster),
    )

"""Decoding: records of the sink's topics → rows. A request that is not valid still gives the rows of its identity."""

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from agents.events import salvaged_id
from agents.sink.rows import CancelRow, JobRow, LogRow, PosterRow, Row
from schemas import topics
from schemas.codec import REQUEST_CLASSES, ContractError, decode, decode_poster
from schemas.envelope import Envelope
from schemas.outcomes import PosterOutcome
from schemas.progress import LogRecorded, PosterProgress
from schemas.requests import (
    BatchPoster,
    BatchRequested,
    JobCancelRequested,
    JobReplayRequested,
    PosterEraseRequested,
    PosterRequested,
    batch_priority,
)
from schemas.salvage import Salvaged
from streams.delivery import Delivery
from streams.replay import replay_generation

RecordedT = TypeVar("RecordedT", PosterEraseRequested, JobReplayRequested)
_RECORDED_TYPES: Final[dict[type[Envelope], bytes]] = {
    PosterEraseRequested: b"poster.erase_requested",
    JobReplayRequested: b"job.replay_requested",
}
"""Requests that change no row by themselves: they are recorded, and carried out beside the flushes."""


def rows_of(delivery: Delivery) -> list[Row]:
    """Return the rows of a record, none where it changes no table. Raises ContractError."""
    return list(_DECODERS[delivery.topic](delivery))


def salvaged_rows(salvaged: Salvaged, delivery: Delivery) -> list[Row]:
    """Return a job of one poster for a request of which only the identity could be decoded."""
    event_id = salvaged.event_id or salvaged_id(delivery.topic, delivery.partition, delivery.offset)
    return [
        JobRow(job_id=salvaged.job_id, total_count=1, requested_at=delivery.timestamp, source=salvaged.source),
        PosterRow(
            job_id=salvaged.job_id,
            poster_index=0,
            status="queued",
            generation=replay_generation(delivery),
            event_id=event_id,
            created_at=delivery.timestamp,
            entity_id=salvaged.entity_id,
            metadata=salvaged.metadata,
            source=salvaged.source,
            requested_at=delivery.timestamp,
        ),
    ]


def recorded_request(delivery: Delivery, kind: type[RecordedT]) -> RecordedT | None:
    """Return the request of this kind that a record holds; None where it holds none, which is seen without decoding."""
    if delivery.topic != topics.POSTER_REQUESTS or _RECORDED_TYPES[kind] not in (delivery.value or b""):
        return None
    try:
        return decode(delivery.value, kind)
    except ContractError:
        # Another type of event that quotes this one in its data, or a dead letter, which is intake's.
        return None


def _request_rows(delivery: Delivery) -> Iterator[Row]:
    match decode(delivery.value, *REQUEST_CLASSES):
        case PosterRequested() as request:
            yield _job(request, 1, request.priority, delivery)
            poster = BatchPoster(entity_id=request.entity_id, custom_data=request.custom_data)
            yield _queued(request, 0, poster, delivery)
        case BatchRequested() as request:
            yield _job(request, request.total, batch_priority(request), delivery)
            for index, raw in enumerate(request.posters, start=request.first_index):
                yield _queued(request, index, _poster(raw), delivery)
        case JobCancelRequested() as request:
            yield CancelRow(
                job_id=request.job_id,
                cancel_event_id=request.event_id,
                cancel_requested_at=delivery.timestamp,
                cancel_reason=request.reason,
                source=request.source,
            )


def _poster(raw: Any) -> BatchPoster:
    # Intake fails an invalid poster, with the reason. Here it is a row like any other.
    try:
        return decode_poster(raw)
    except ContractError:
        return BatchPoster()


def _job(request: PosterRequested | BatchRequested, total: int, priority: str, delivery: Delivery) -> JobRow:
    options = {
        "template_id": request.template_id,
        "output": request.output,
        "strict": request.strict,
        "reuse": request.reuse,
        "priority": priority,
        "deadline": request.deadline,
    }
    return JobRow(
        job_id=request.job_id,
        total_count=total,
        requested_at=delivery.timestamp,
        template_id=request.template_id,
        input_data={name: value for name, value in options.items() if value is not None},
        metadata=request.metadata,
        source=request.source,
        deadline=request.deadline,
    )


def _queued(
    request: PosterRequested | BatchRequested, index: int, poster: BatchPoster, delivery: Delivery
) -> PosterRow:
    return PosterRow(
        job_id=request.job_id,
        poster_index=index,
        status="queued",
        generation=replay_generation(delivery),
        event_id=request.event_id,
        created_at=delivery.timestamp,
        entity_id=poster.entity_id,
        custom_data=poster.custom_data,
        output=poster.output,
        metadata=request.metadata if poster.metadata is None else poster.metadata,
        source=request.source,
        requested_at=delivery.timestamp,
    )


def _progress_rows(delivery: Delivery) -> Iterator[Row]:
    event = decode(delivery.value, PosterProgress)
    yield PosterRow(
        job_id=event.job_id,
        poster_index=event.poster_index,
        status="queued" if event.type == "poster.queued" else "processing",
        event_id=event.event_id,
        created_at=delivery.timestamp,
        entity_id=event.entity_id,
        generation=event.generation,
        attempt=event.attempt,
        template_version_id=event.template_version_id,
        section=event.section,
        template_version=event.template_version,
        metadata=event.metadata,
        source=event.source,
    )


def _outcome_rows(delivery: Delivery) -> Iterator[Row]:
    event = decode(delivery.value, PosterOutcome)
    if event.status == "erased":
        return
    yield PosterRow(
        job_id=event.job_id,
        poster_index=event.poster_index,
        status=event.status,
        event_id=event.event_id,
        created_at=delivery.timestamp,
        entity_id=event.entity_id,
        generation=event.generation,
        attempt=event.attempt,
        output_url=event.url,
        object_key=event.object_key,
        sha256=event.sha256,
        size_bytes=event.size_bytes,
        width=event.width,
        height=event.height,
        format=event.format,
        template_version_id=event.template_version_id,
        section=event.section,
        template_version=event.template_version,
        generation_time_ms=event.generation_time_ms,
        queue_time_ms=event.queue_time_ms,
        cached=event.cached,
        degraded=event.degraded,
        warnings=event.warnings,
        assets=event.assets,
        images=event.images,
        error_code=event.error.code if event.error else None,
        error_message=event.error.message if event.error else None,
        metadata=event.metadata,
        source=event.source,
        finished_at=event.occurred_at,
        outcome_topic=delivery.topic,
        outcome_partition=delivery.partition,
        outcome_offset=delivery.offset,
    )


def _log_rows(delivery: Delivery) -> Iterator[Row]:
    event = decode(delivery.value, LogRecorded)
    yield LogRow(
        event_id=event.event_id,
        job_id=event.job_id,
        level=event.level,
        code=event.code,
        message=event.message,
        created_at=event.occurred_at,
        poster_index=event.poster_index,
        details=event.details,
        source=event.source,
    )


_DECODERS: Final[dict[str, Callable[[Delivery], Iterator[Row]]]] = {
    topics.POSTER_REQUESTS: _request_rows,
    topics.POSTER_REPLAYS: _request_rows,
    topics.POSTER_PROGRESS: _progress_rows,
    topics.POSTER_COMPLETIONS: _outcome_rows,
    topics.POSTER_LOGS: _log_rows,
}

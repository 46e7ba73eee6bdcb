"""The events intake states of a poster: queued and pinned, or failed."""

from collections.abc import Iterator
from datetime import datetime

from agents.intake.catalog import CatalogVersion
from agents.intake.pin import Pinned, RefusedError
from agents.intake.requested_posters import RequestedPoster
from schemas import topics
from schemas.codes import is_retryable
from schemas.envelope import fact_id
from schemas.outcomes import Failure, PosterOutcome
from schemas.progress import Level, LogRecorded, PosterProgress
from schemas.salvage import Salvaged
from streams.delivery import Headers, Record
from streams.records import event_record


def queued(pinned: Pinned, now: datetime, headers: Headers) -> Iterator[Record]:
    """Yield the records of a poster that goes on to be rendered."""
    poster = pinned.poster
    progress = PosterProgress(
        type="poster.queued",
        event_id=fact_id("poster.queued", poster.job_id, poster.poster_index, poster.generation),
        occurred_at=now,
        source=poster.source,
        job_id=poster.job_id,
        poster_index=poster.poster_index,
        entity_id=poster.entity_id,
        template_version_id=poster.template_version_id,
        section=poster.section,
        template_version=poster.template_version,
        generation=poster.generation,
        metadata=poster.metadata,
    )
    yield event_record(topics.POSTER_PROGRESS, poster.job_id, progress, headers)
    if pinned.unknown:
        names = ", ".join(f"`{name}`" for name in pinned.unknown)
        message = f"the template does not use {names}"
        yield log(poster.job_id, poster.poster_index, "WARNING", "unknown_data", message, poster.source, now, headers)
    topic = topics.POSTER_RENDERS_BULK if poster.lane == "bulk" else topics.POSTER_RENDERS
    yield event_record(topic, poster.input_digest, poster, headers)


def refused(
    wanted: RequestedPoster, error: RefusedError, version: CatalogVersion | None, now: datetime, headers: Headers
) -> Iterator[Record]:
    """Yield the records of a poster that fails before any browser."""
    outcome = PosterOutcome(
        type="poster.failed",
        status="failed",
        event_id=fact_id("poster.failed", wanted.job_id, wanted.poster_index, wanted.generation, 1),
        occurred_at=now,
        source=wanted.source,
        job_id=wanted.job_id,
        poster_index=wanted.poster_index,
        entity_id=wanted.entity_id,
        template_version_id=version.template_id if version else None,
        section=version.section if version else None,
        template_version=version.version if version else None,
        error=Failure(code=error.code, message=error.message, retryable=is_retryable(error.code)),
        generation=wanted.generation,
        metadata=wanted.metadata,
    )
    yield event_record(topics.POSTER_COMPLETIONS, wanted.job_id, outcome, headers)
    yield log(wanted.job_id, wanted.poster_index, "ERROR", error.code, error.message, wanted.source, now, headers)


def unreadable(salvaged: Salvaged, message: str, generation: int, now: datetime, headers: Headers) -> Iterator[Record]:
    """Yield the answer to a request of which only the identity could be read."""
    outcome = PosterOutcome(
        type="poster.failed",
        status="failed",
        event_id=fact_id("poster.failed", salvaged.job_id, 0, generation, 1),
        occurred_at=now,
        source=salvaged.source,
        job_id=salvaged.job_id,
        poster_index=0,
        entity_id=salvaged.entity_id,
        error=Failure(code="invalid_request", message=message, retryable=False),
        generation=generation,
        metadata=salvaged.metadata,
    )
    yield event_record(topics.POSTER_COMPLETIONS, salvaged.job_id, outcome, headers)
    yield log(salvaged.job_id, 0, "ERROR", "invalid_request", message, salvaged.source, now, headers)


def log(
    job_id: str,
    poster_index: int | None,
    level: Level,
    code: str,
    message: str,
    source: str | None,
    now: datetime,
    headers: Headers,
) -> Record:
    """Return a line of the job's log; the same line of the same poster has the same event id."""
    event = LogRecorded(
        event_id=fact_id("log.recorded", "intake", job_id, poster_index, code, message),
        occurred_at=now,
        source=source,
        job_id=job_id,
        level=level,
        code=code,
        message=message,
        poster_index=poster_index,
    )
    return event_record(topics.POSTER_LOGS, job_id, event, headers)

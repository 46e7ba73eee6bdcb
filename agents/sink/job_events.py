"""Announcing: the event of a job after a change of it is committed."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from agents.events import job_event_id
from agents.sink.flush import JobState
from schemas.fields import JobStatus
from schemas.outcomes import JobEvent
from schemas.topics import JOB_EVENTS
from streams.delivery import Delivery, Record
from streams.records import event_headers, event_record
from streams.tracing import announcing

EventType = Literal["job.progressed", "job.completed", "job.failed", "job.cancelled"]

_TYPES: Final[dict[JobStatus, EventType]] = {
    "queued": "job.progressed",
    "processing": "job.progressed",
    "completed": "job.completed",
    "failed": "job.failed",
    "cancelled": "job.cancelled",
}


def job_records(jobs: Iterable[JobState], causes: Mapping[str, Delivery], flushed: object = None) -> list[Record]:
    """Return the job-events of these states. `causes` has, by job, the record whose trace the event continues.

    `flushed` is the span of the transaction that wrote them, if it has one.

    The same revision is the same event, byte for byte, however often it is published.
    """
    return [_job_record(job, causes.get(job.job_id), flushed) for job in jobs]


def _job_record(job: JobState, cause: Delivery | None, flushed: object) -> Record:
    with announcing(JOB_EVENTS, cause, flushed):
        return event_record(JOB_EVENTS, job.job_id, job_event(job), event_headers(cause))


def job_event(job: JobState) -> JobEvent:
    """Return the event of a job's state."""
    event_type = _TYPES[job.status]
    return JobEvent(
        type=event_type,
        event_id=job_event_id(event_type, job.job_id, job.revision),
        occurred_at=job.revised_at,
        source=job.source,
        job_id=job.job_id,
        status=job.status,
        total_count=job.total_count,
        success_count=job.success_count,
        failure_count=job.failure_count,
        cancelled_count=job.cancelled_count,
        revision=job.revision,
        metadata=job.metadata,
    )

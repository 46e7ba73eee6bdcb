"""Events of the workers, as bytes."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from django_tests.site import NAME
from schemas.codec import encode
from schemas.outcomes import Failure, JobEvent, PosterOutcome
from schemas.templates import TemplateUploaded, TemplateVersion

V = TypeVar("V", bound=TemplateVersion)

URL = "https://cdn.test/posters/1.png"
NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


def outcome(job_id: str, status: str = "completed", **fields: Any) -> bytes:
    """Return the bytes of an outcome of the job's only poster."""
    by_status: dict[str, dict[str, Any]] = {
        "completed": {"url": URL, "object_key": "posters/1.png", "sha256": "ab" * 32, "width": 1080, "height": 1080},
        "failed": {"error": Failure(code="upload", message="the store is full", retryable=True)},
    }
    given = {"source": NAME, "poster_index": 0, "entity_id": "1"} | by_status.get(status, {}) | fields
    event = PosterOutcome(
        type=f"poster.{status}",  # type: ignore[arg-type]
        status=status,  # type: ignore[arg-type]
        event_id=uuid.uuid4(),
        occurred_at=NOW,
        job_id=job_id,
        **given,
    )
    return encode(event)


def job_event(job_id: str, revision: int, status: str = "processing", **counts: Any) -> bytes:
    """Return the bytes of a job-event; a count that is not given is 0."""
    given = {"total_count": 4, "success_count": 0, "failure_count": 0, "cancelled_count": 0, "source": NAME} | counts
    event_type = f"job.{status}" if status in ("completed", "failed", "cancelled") else "job.progressed"
    event = JobEvent(
        type=event_type,  # type: ignore[arg-type]
        status=status,  # type: ignore[arg-type]
        event_id=uuid.uuid4(),
        occurred_at=NOW,
        job_id=job_id,
        revision=revision,
        **given,
    )
    return encode(event)


def version(number: int, kind: type[V] = TemplateUploaded, *, minutes: int = 0, **fields: Any) -> V:  # type: ignore[assignment]
    """Return an event of the templates role about a version of `testimonial`, this many minutes after NOW."""
    given: dict[str, Any] = {
        "command_id": uuid.uuid4(),
        "section": "testimonial",
        "template_id": uuid.UUID(int=number),
        "name": "Testimonial",
        "template_version": number,
        "is_active": False,
        "html_sha256": "ab" * 32,
        "width": 1080,
        "height": 1350,
    }
    at = NOW + timedelta(minutes=minutes)
    return kind(event_id=uuid.uuid4(), occurred_at=at, **(given | fields))

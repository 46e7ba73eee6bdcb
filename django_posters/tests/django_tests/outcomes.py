"""What workers answer, as bytes."""

import uuid
from datetime import UTC, datetime
from typing import Any

from django_tests.site import NAME
from schemas.codec import encode
from schemas.outcomes import Failure, PosterOutcome

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

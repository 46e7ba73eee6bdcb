"""What operators did, in the log of every job."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from schemas import topics
from schemas.progress import LogRecorded
from streams.delivery import Record
from streams.records import event_headers, event_record


def audit_record(job_id: str, code: str, message: str, details: Mapping[str, Any], now: datetime) -> Record:
    """Return the log line of an operator's action; where it concerns no single job, `job_id` is the command's name."""
    event = LogRecorded(
        event_id=uuid4(),
        occurred_at=now,
        job_id=job_id,
        level="WARNING",
        code=code,
        message=message,
        details=dict(details),
    )
    return event_record(topics.POSTER_LOGS, job_id, event, event_headers())

"""The audit trail: what operators did, as lines of the job log."""

import getpass
import socket
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from schemas import topics
from schemas.progress import LogRecorded
from streams.delivery import Record
from streams.records import event_headers, event_record


def operator() -> str:
    """Return who acts: `user@host`."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def audit_record(job_id: str, code: str, message: str, details: Mapping[str, Any], now: datetime) -> Record:
    """Return the log line of an operator's action; message and details name the operator.

    Where the action concerns no single job, `job_id` is the command's name.
    """
    who = operator()
    event = LogRecorded(
        event_id=uuid4(),
        occurred_at=now,
        job_id=job_id,
        level="WARNING",
        code=code,
        message=f"{message} by {who}",
        details={**details, "by": who},
    )
    return event_record(topics.POSTER_LOGS, job_id, event, event_headers())

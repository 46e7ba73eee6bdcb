"""Which jobs are cancelled, as every intake, render and retry process knows it."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from schemas.codec import ContractError, decode
from schemas.envelope import fact_id
from schemas.renders import JobCancellation
from schemas.topics import JOB_CANCELLATIONS
from streams.delivery import Headers, Record
from streams.records import event_record

logger = logging.getLogger(__name__)


class Cancellations:
    """The content of `job-cancellations`."""

    def __init__(self) -> None:
        self._up_to: dict[str, int] = {}
        self._watched: dict[str, list[tuple[int, asyncio.Timeout]]] = {}

    def on_record(self, key: bytes | None, value: bytes | None) -> None:
        """Take in one record; one without a value withdraws the cancellation. A bad one is skipped and logged."""
        if key is None:
            return
        if value is None:
            self._up_to.pop(key.decode("utf-8", "replace"), None)
            return
        try:
            cancellation = decode(value, JobCancellation)
        except ContractError as error:
            logger.warning("job-cancellations holds a record that is not an event: %s", error)
            return
        self.add(cancellation.job_id, cancellation.up_to_generation)

    def add(self, job_id: str, up_to_generation: int) -> None:
        """Call off a job's posters; what an earlier record has called off stays so."""
        up_to = max(up_to_generation, self.up_to(job_id))
        self._up_to[job_id] = up_to
        for generation, scope in self._watched.get(job_id, ()):
            if generation <= up_to and not scope.expired():
                scope.reschedule(asyncio.get_running_loop().time())

    @contextmanager
    def ending(self, job_id: str, generation: int, scope: asyncio.Timeout) -> Iterator[None]:
        """Let `scope` time out at once when this job and generation are cancelled."""
        watched = self._watched.setdefault(job_id, [])
        entry = (generation, scope)
        watched.append(entry)
        try:
            yield
        finally:
            watched.remove(entry)
            if not watched:
                self._watched.pop(job_id, None)

    def covers(self, job_id: str, generation: int) -> bool:
        """Say whether posters of this job and generation are not to be made any more."""
        return generation <= self.up_to(job_id)

    def up_to(self, job_id: str) -> int:
        """Return up to which generation the job is called off, -1 where it is not."""
        return self._up_to.get(job_id, -1)


def call_off(
    job_id: str, up_to_generation: int, *, at: datetime, source: str | None, reason: str | None, headers: Headers
) -> Record:
    """Return what has intake, render and retry drop a job's posters up to this generation."""
    event = JobCancellation(
        event_id=fact_id("job.cancellation", job_id, up_to_generation),
        occurred_at=at,
        source=source,
        job_id=job_id,
        up_to_generation=up_to_generation,
        reason=reason,
    )
    return event_record(JOB_CANCELLATIONS, job_id, event, headers)

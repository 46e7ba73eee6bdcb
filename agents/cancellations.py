"""Cancelled jobs, read from the compacted `job-cancellations` by every intake, render and retry process."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cachetools import LRUCache

from schemas.codec import ContractError, decode
from schemas.renders import JobCancellation

logger = logging.getLogger(__name__)

CACHE_SIZE: Final = 200_000
"""Jobs in memory, the most recently cancelled or looked up ones; the sink has stated the outcome of older ones."""


class Cancellations:
    """The content of `job-cancellations`: up to which generation each job is cancelled."""

    def __init__(self) -> None:
        self._up_to: LRUCache[str, int] = LRUCache(CACHE_SIZE)
        self._watched: dict[str, list[tuple[int, asyncio.Timeout]]] = {}

    def on_record(self, key: bytes | None, value: bytes | None) -> None:
        """Apply one record; a tombstone (no value) withdraws the cancellation. A bad record is skipped and logged."""
        if key is None:
            return
        if value is None:
            self._up_to.pop(key.decode("utf-8", "replace"), None)
            return
        try:
            cancellation = decode(value, JobCancellation)
        except ContractError as error:
            logger.warning("skipped a record of job-cancellations that is not a valid event: %s", error)
            return
        self.add(cancellation.job_id, cancellation.up_to_generation)

    def add(self, job_id: str, up_to_generation: int) -> None:
        """Cancel a job's posters up to a generation; a lower one than before changes nothing."""
        up_to = max(up_to_generation, self.up_to(job_id))
        self._up_to[job_id] = up_to
        for generation, scope in self._watched.get(job_id, ()):
            if generation <= up_to and not scope.expired():
                scope.reschedule(asyncio.get_running_loop().time())

    @contextmanager
    def cancel_scope_with_job(self, job_id: str, generation: int, scope: asyncio.Timeout) -> Iterator[None]:
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
        """Return whether posters of this job and generation are cancelled."""
        return generation <= self.up_to(job_id)

    def up_to(self, job_id: str) -> int:
        """Return up to which generation the job is cancelled, -1 where it is not."""
        return self._up_to.get(job_id, -1)

"""Progress streams: one poller per event loop reads all followed jobs and fans changes out to the open streams.

The load on the database is one query a second, however many pages are open.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import Final, TypeAlias
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async
from django.db import Error, connections

from .job_progress import Progress, read_progress

logger = logging.getLogger(__name__)

POLL_SECONDS: Final = 1.0
HEARTBEAT_SECONDS: Final = 15.0
MAX_INITIAL_READS: Final = 8
"""Under ASGI each request has a thread and a connection of its own, and after a restart all pages reconnect at once."""

Read: TypeAlias = Callable[[Iterable[str]], Awaitable[dict[str, Progress]]]


class ProgressPoller:
    """Polls the progress of all followed jobs with one read, and only while a stream is open."""

    def __init__(self, read: Read, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._read = read
        self._poll_seconds = poll_seconds
        self._queues: dict[str, set[asyncio.Queue[Progress]]] = {}
        self._last: dict[str, Progress] = {}
        self._polling: asyncio.Task[None] | None = None
        self.initial_reads = asyncio.Semaphore(MAX_INITIAL_READS)
        """Limits the concurrent reads of the state that a new stream starts with."""

    async def follow(
        self, current: Progress, *, heartbeat_seconds: float = HEARTBEAT_SECONDS
    ) -> AsyncGenerator[Progress | None]:
        """Yield each change of a job after `current` until it is finished, and None as a heartbeat between changes."""
        with self._subscribed(current.job_id) as queue:
            while not current.is_finished:
                try:
                    progress = await asyncio.wait_for(queue.get(), heartbeat_seconds)
                except TimeoutError:
                    yield None
                    continue
                if progress != current:
                    current = progress
                    yield current

    @contextmanager
    def _subscribed(self, job_id: str) -> Iterator[asyncio.Queue[Progress]]:
        queue: asyncio.Queue[Progress] = asyncio.Queue()
        self._queues.setdefault(job_id, set()).add(queue)
        # The state of the new stream may be older than `_last`: publish the next read to all streams of this job.
        self._last.pop(job_id, None)
        if self._polling is None or self._polling.done():
            # In an empty context: the thread of this request ends with its page, and the poller has to outlive it.
            self._polling = asyncio.create_task(self._poll(), context=Context())
        try:
            yield queue
        finally:
            self._queues[job_id].discard(queue)
            if not self._queues[job_id]:
                del self._queues[job_id]

    async def _poll(self) -> None:
        while self._queues:
            try:
                found = await self._read(list(self._queues))
            except Error as error:
                logger.warning("the progress of jobs cannot be read: %s; retrying", error)
                found = {}
            for job_id, progress in found.items():
                if self._last.get(job_id) != progress:
                    for queue in self._queues.get(job_id, ()):
                        queue.put_nowait(progress)
            known = self._last | found
            self._last = {job_id: progress for job_id, progress in known.items() if job_id in self._queues}
            await asyncio.sleep(self._poll_seconds)
        self._last = {}


def close_connections() -> None:
    """Close this thread's database connections, except one inside a transaction, as in tests.

    Django closes them at the end of a request, which for a stream comes only when the page is closed.
    """
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()


def _read(job_ids: Iterable[str]) -> dict[str, Progress]:
    try:
        return read_progress(job_ids)
    finally:
        close_connections()


_pollers: WeakKeyDictionary[asyncio.AbstractEventLoop, ProgressPoller] = WeakKeyDictionary()


def get_poller() -> ProgressPoller:
    """Return the poller of the running event loop. A server process usually has one loop."""
    loop = asyncio.get_running_loop()
    if loop not in _pollers:
        _pollers[loop] = ProgressPoller(sync_to_async(_read))
    return _pollers[loop]

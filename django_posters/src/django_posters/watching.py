"""Many pages follow jobs; one query a second tells them all."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import Final, TypeAlias
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async
from django.db import Error, connections

from .progress import Progress, read_progress

logger = logging.getLogger(__name__)

POLL_SECONDS: Final = 1.0
HEARTBEAT_SECONDS: Final = 15.0
ARRIVING_AT_ONCE: Final = 8
"""Under ASGI each request has a thread of its own, and with it a connection; after a restart all pages come at once."""

Read: TypeAlias = Callable[[Iterable[str]], Awaitable[dict[str, Progress]]]


class Watch:
    """Looks for the jobs that somebody follows, all at once, as long as there is anybody."""

    def __init__(self, read: Read, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._read = read
        self._poll_seconds = poll_seconds
        self._queues: dict[str, set[asyncio.Queue[Progress]]] = {}
        self._last: dict[str, Progress] = {}
        self._polling: asyncio.Task[None] | None = None
        self.arriving = asyncio.Semaphore(ARRIVING_AT_ONCE)
        """Held while the database is asked for what a page finds when it comes."""

    async def follow(
        self, told: Progress, *, heartbeat_seconds: float = HEARTBEAT_SECONDS
    ) -> AsyncGenerator[Progress | None]:
        """Yield each change of a job after `told` until it is finished, and None after so long a silence."""
        with self._subscribed(told.job_id) as queue:
            while not told.is_finished:
                try:
                    progress = await asyncio.wait_for(queue.get(), heartbeat_seconds)
                except TimeoutError:
                    yield None
                    continue
                if progress != told:
                    told = progress
                    yield told

    @contextmanager
    def _subscribed(self, job_id: str) -> Iterator[asyncio.Queue[Progress]]:
        queue: asyncio.Queue[Progress] = asyncio.Queue()
        self._queues.setdefault(job_id, set()).add(queue)
        # What the newcomer was told may be older than what the others know: the next look is news for everybody.
        self._last.pop(job_id, None)
        if self._polling is None or self._polling.done():
            # Not in the context of this page's request, whose thread ends when the page leaves.
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
                logger.warning("the progress of jobs cannot be read: %s; trying again", error)
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
    """Close what this thread has open to databases, save for one in a transaction, as in tests.

    Django does so when a request ends, which that of a stream does not for as long as its page is open.
    """
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()


def _read(job_ids: Iterable[str]) -> dict[str, Progress]:
    try:
        return read_progress(job_ids)
    finally:
        close_connections()


_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, Watch] = WeakKeyDictionary()


def watch() -> Watch:
    """Return the watch of this process, or more exactly of its event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _watches:
        _watches[loop] = Watch(sync_to_async(_read))
    return _watches[loop]

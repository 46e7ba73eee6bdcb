"""Circuit breaker: while the storage is unavailable, one caller at a time probes it and all others wait.

It is our own because no caller may fail: libraries raise an error while the circuit is open.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Final, TypeVar

from agents.metrics import BREAKER_OPEN
from agents.storage.port import ObjectMetadata, ObjectStore, StorageRefusedError, StorageUnavailableError, StoredObject
from streams.health.liveness import DeclareWait, declare_wait
from streams.retry import Backoff, Sleep

T = TypeVar("T")
logger = logging.getLogger(__name__)

FIRST_DELAY_SECONDS: Final = 0.5
LONGEST_DELAY_SECONDS: Final = 10.0


class BreakingStore:
    """A store whose calls wait while the storage is unavailable, and retry forever; none raises UnavailableError.

    `on_change` is called with the reason when the first caller waits, and with None when nobody waits any more: in
    between the role takes no more records, because their images could not be stored. Where the last waiting caller
    gives up, the role goes on, and its next poster probes the storage.
    """

    def __init__(
        self,
        inner: ObjectStore,
        on_change: DeclareWait,
        *,
        sleep: Sleep = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._inner = inner
        self._on_change = on_change
        self._sleep = sleep
        self._backoff = Backoff(first=FIRST_DELAY_SECONDS, longest=LONGEST_DELAY_SECONDS, jitter=jitter)
        self._failure: StorageUnavailableError | None = None
        self._delays: Iterator[float] = iter(self._backoff)
        self._delay = 0.0
        self._probing = asyncio.Lock()
        self._waiters = 0
        BREAKER_OPEN.set(0)

    async def open(self) -> None:
        """Prepare the store."""
        await self._inner.open()

    async def close(self) -> None:
        """Close every connection."""
        await self._inner.close()

    async def check(self) -> None:
        """Raise where objects cannot be stored, without waiting."""
        await self._inner.check()

    def url(self, key: str) -> str:
        """Return the storage's own address of an object."""
        return self._inner.url(key)

    async def put(self, key: str, body: bytes, content_type: str, metadata: ObjectMetadata) -> StoredObject:
        """Store the object unless the key is taken; return what is stored there. Raises StorageRefusedError."""
        return await self._guarded(lambda: self._inner.put(key, body, content_type, metadata))

    async def find(self, key: str) -> StoredObject | None:
        """Return the object under the key, or None. Raises StorageRefusedError."""
        return await self._guarded(lambda: self._inner.find(key))

    async def keys(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys with this prefix. Not guarded: raises UnavailableError, StorageRefusedError."""
        async for key in self._inner.keys(prefix):
            yield key

    async def delete(self, key: str) -> None:
        """Delete the object if it exists. Raises StorageRefusedError."""
        await self._guarded(lambda: self._inner.delete(key))

    async def get(self, key: str) -> bytes:
        """Return the object's bytes. Raises StorageRefusedError."""
        return await self._guarded(lambda: self._inner.get(key))

    async def _guarded(self, action: Callable[[], Awaitable[T]]) -> T:
        if self._failure is None:
            try:
                return await action()
            except StorageUnavailableError as error:
                self._trip(error)
        self._waiters += 1
        if self._waiters == 1:
            self._on_change(str(self._failure))
        declare_wait(str(self._failure))
        try:
            async with self._probing:
                return await self._probe(action)
        finally:
            declare_wait(None)
            self._waiters -= 1
            if not self._waiters:
                self._on_change(None)

    async def _probe(self, action: Callable[[], Awaitable[T]]) -> T:
        while True:
            if self._failure is not None:
                await self._sleep(max(self._delay, self._failure.retry_after))
            try:
                result = await action()
            except StorageUnavailableError as error:
                self._trip(error)
                self._delay = next(self._delays)
                continue
            except StorageRefusedError:
                self._reset()  # it refuses this object, but it answers
                raise
            self._reset()
            return result

    def _trip(self, error: StorageUnavailableError) -> None:
        if self._failure is None:
            logger.error("rendering pauses: %s", error)
            BREAKER_OPEN.set(1)
            self._delays = iter(self._backoff)
            self._delay = next(self._delays)
        self._failure = error

    def _reset(self) -> None:
        if self._failure is not None:
            logger.warning("the storage is available again")
            BREAKER_OPEN.set(0)
        self._failure = None

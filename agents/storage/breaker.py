"""Stops asking a storage that is away: one caller at a time looks whether it is back, the others wait."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeVar

from agents.metrics import BREAKER_OPEN
from agents.storage.port import Facts, ObjectStore, StorageRefusedError, StorageUnavailableError, StoredObject
from streams.liveness import DeclareWait, declare_wait
from streams.retry import Sleep

T = TypeVar("T")
logger = logging.getLogger(__name__)

FIRST_DELAY_SECONDS: Final = 0.5
LONGEST_DELAY_SECONDS: Final = 10.0


class BreakingStore:
    """A store whose calls wait while the storage is away, for as long as it takes; none raises UnavailableError.

    `on_change` is told why it is away, and None when it is back: the role then takes nothing more, because what it
    holds could not be stored. Where nobody is left who waits, the role goes on, and its next poster looks.
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
        self._jitter = jitter
        self._away: StorageUnavailableError | None = None
        self._delay = FIRST_DELAY_SECONDS
        self._looking = asyncio.Lock()
        self._waiters = 0
        BREAKER_OPEN.set(0)

    async def open(self) -> None:
        """Make the store ready."""
        await self._inner.open()

    async def close(self) -> None:
        """Let go of every connection."""
        await self._inner.close()

    async def check(self) -> None:
        """Raise where objects cannot be kept, at once."""
        await self._inner.check()

    def url(self, key: str) -> str:
        """Return the storage's own address of an object."""
        return self._inner.url(key)

    async def put(self, key: str, body: bytes, content_type: str, facts: Facts) -> StoredObject:
        """Keep the object unless the key is taken; return what is kept there. Raises StorageRefusedError."""
        return await self._guarded(lambda: self._inner.put(key, body, content_type, facts))

    async def find(self, key: str) -> StoredObject | None:
        """Return what is kept under the key, or None. Raises StorageRefusedError."""
        return await self._guarded(lambda: self._inner.find(key))

    async def keys(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys that begin with `prefix`; the storage's being away is not waited for here."""
        async for key in self._inner.keys(prefix):
            yield key

    async def delete(self, key: str) -> None:
        """Delete the object if it is there. Raises StorageRefusedError."""
        await self._guarded(lambda: self._inner.delete(key))

    async def get(self, key: str) -> bytes:
        """Return the object's bytes. Raises StorageRefusedError."""
        return await self._guarded(lambda: self._inner.get(key))

    async def _guarded(self, action: Callable[[], Awaitable[T]]) -> T:
        if self._away is None:
            try:
                return await action()
            except StorageUnavailableError as error:
                self._trip(error)
        self._waiters += 1
        if self._waiters == 1:
            self._on_change(str(self._away))
        declare_wait(str(self._away))
        try:
            async with self._looking:
                return await self._look(action)
        finally:
            declare_wait(None)
            self._waiters -= 1
            if not self._waiters:
                self._on_change(None)

    async def _look(self, action: Callable[[], Awaitable[T]]) -> T:
        while True:
            if self._away is not None:
                await self._sleep(max(self._delay * (1 - self._jitter() / 2), self._away.retry_after))
            try:
                result = await action()
            except StorageUnavailableError as error:
                self._delay = min(self._delay * 2, LONGEST_DELAY_SECONDS)
                self._trip(error)
                continue
            except StorageRefusedError:
                self._back()  # whatever it says of this object, it answered
                raise
            self._back()
            return result

    def _trip(self, error: StorageUnavailableError) -> None:
        if self._away is None:
            logger.error("rendering pauses: %s", error)
            BREAKER_OPEN.set(1)
        self._away = error

    def _back(self) -> None:
        if self._away is not None:
            logger.warning("the storage is back")
            BREAKER_OPEN.set(0)
        self._away = None
        self._delay = FIRST_DELAY_SECONDS

"""The fetcher of network assets that all documents of a process share."""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from renderer.assets.address_policy import Gate, Resolve, SystemResolver
from renderer.assets.allowed_hosts import AllowedHosts
from renderer.assets.cache import Cache, Key
from renderer.assets.client import Client
from renderer.assets.port import AssetError, Fetched, Kind, Received, ignore
from renderer.single_flight import SingleFlight

CACHE_MAX_BYTES: Final = 32 * 1024 * 1024
ASSET_SECONDS: Final = 5.0
"""From the name's resolution to the last byte; a poster has several times that."""
LATE_SECONDS: Final = 5.0
"""For how long an asset that was too slow gets a fifth of the time only: many posters may name it."""
LATE_MAX: Final = 1_000


class HttpFetcher:
    """Fetches from the public network and from what `allowed` names; keeps what HTTP lets it keep.

    What is not fresh any more is asked for only if it has changed. Equal fetches under way are joined, and each ends
    `seconds` after its beginning.
    """

    def __init__(
        self,
        allowed: AllowedHosts,
        *,
        resolve: Resolve | None = None,
        seconds: float = ASSET_SECONDS,
        cache_bytes: int = CACHE_MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
        time_of_day: Callable[[], float] = time.time,
    ) -> None:
        self._system = SystemResolver()
        self._client = Client(Gate(allowed, resolve or self._system), clock=clock, time_of_day=time_of_day)
        self._seconds = seconds
        self._clock = clock
        self._cache = Cache(cache_bytes)
        self._flights: SingleFlight[Fetched] = SingleFlight()
        self._listeners: dict[Key, list[Received]] = {}
        self._late: OrderedDict[Key, float] = OrderedDict()

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, where)
        self._system.close()

    async def fetch(self, url: str, kind: Kind, received: Received = ignore) -> Fetched:
        """Return the asset: a kept one that is fresh or still holds, else a new one. Raises AssetError."""
        key = (url.partition("#")[0], kind)
        kept = self._cache.get(key)
        if kept is not None and kept.fetched.fresh_until > self._clock():
            return kept.fetched
        listeners = self._listeners.setdefault(key, [])
        listeners.append(received)
        try:
            return await self._flights.join(key, lambda: self._fetch(key))
        finally:
            listeners.remove(received)
            if not listeners:
                del self._listeners[key]

    async def _fetch(self, key: Key) -> Fetched:
        was_late = self._late.pop(key, -math.inf) > self._clock() - LATE_SECONDS
        try:
            async with asyncio.timeout(self._seconds / 5 if was_late else self._seconds):
                kept = await self._client.get(*key, self._cache.get(key), lambda size: self._tell(key, size))
        except TimeoutError:
            self._late[key] = self._clock()
            if len(self._late) > LATE_MAX:
                self._late.popitem(last=False)
            raise AssetError("asset_timeout") from None
        self._cache.put(key, kept, self._clock())
        return kept.fetched

    def _tell(self, key: Key, size: int) -> None:
        for listener in list(self._listeners.get(key, ())):
            listener(size)

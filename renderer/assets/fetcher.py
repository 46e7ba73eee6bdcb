"""The fetcher of network assets: one for all documents of a process, with cache, single flight and timeouts."""

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from cachetools import TTLCache

from renderer.assets.address_policy import AddressPolicy, Resolve, SystemResolver
from renderer.assets.allowed_hosts import AllowedHosts
from renderer.assets.cache import Cache, Key
from renderer.assets.client import Client
from renderer.assets.port import AssetError, Fetched, Kind, Received, ignore
from renderer.single_flight import SingleFlight

CACHE_MAX_BYTES: Final = 32 * 1024 * 1024
ASSET_SECONDS: Final = 5.0
"""From the name's resolution to the last byte; a document has several times that."""
LATE_SECONDS: Final = 5.0
"""How long after a timeout an asset gets only a fifth of the time: many documents may name it."""
LATE_MAX: Final = 1_000


class HttpFetcher:
    """Fetches from the public network and from what `allowed` names.

    Caches what HTTP allows, and revalidates what is stale. Equal fetches under way are joined; each has `seconds`.
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
        self._resolver = SystemResolver()
        policy = AddressPolicy(allowed, resolve or self._resolver)
        self._client = Client(policy, clock=clock, time_of_day=time_of_day)
        self._seconds = seconds
        self._clock = clock
        self._cache = Cache(cache_bytes)
        self._flights: SingleFlight[Fetched] = SingleFlight()
        self._listeners: dict[Key, list[Received]] = {}
        self._late: TTLCache[Key, bool] = TTLCache(LATE_MAX, ttl=LATE_SECONDS, timer=clock)
        """The assets whose last fetch timed out."""

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, where)
        self._resolver.close()

    async def fetch(self, url: str, kind: Kind, received: Received = ignore) -> Fetched:
        """Return the asset from the cache, where it is fresh or not modified, else a new one. Raises AssetError."""
        key = (url.partition("#")[0], kind)
        cached = self._cache.get(key)
        if cached is not None and cached.fetched.fresh_until > self._clock():
            return cached.fetched
        listeners = self._listeners.setdefault(key, [])
        listeners.append(received)
        try:
            return await self._flights.join(key, lambda: self._fetch(key))
        finally:
            listeners.remove(received)
            if not listeners:
                del self._listeners[key]

    async def _fetch(self, key: Key) -> Fetched:
        was_late = self._late.pop(key, False)
        try:
            async with asyncio.timeout(self._seconds / 5 if was_late else self._seconds):
                response = await self._client.get(*key, self._cache.get(key), lambda size: self._notify(key, size))
        except TimeoutError:
            self._late[key] = True
            raise AssetError("asset_timeout", detail=f"it did not arrive within {self._seconds:.3g} s") from None
        self._cache.put(key, response, self._clock())
        return response.fetched

    def _notify(self, key: Key, size: int) -> None:
        for listener in list(self._listeners.get(key, ())):
            listener(size)

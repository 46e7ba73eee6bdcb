"""The HTTP cache: assets in memory, least recently used ones evicted.

It is our own because hishel, which follows the same RFC, has no adapter for aiohttp.
"""

from operator import itemgetter
from typing import Final

from cachetools import LRUCache

from renderer.assets.cached_response import CachedResponse
from renderer.assets.port import Kind

Key = tuple[str, Kind]

SHARE_OF_ONE: Final = 4
"""A single asset may take a quarter of the room."""


class Cache:
    """Cached responses by address and kind, evicted beyond `max_bytes`, addresses included."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._entries: LRUCache[Key, tuple[int, CachedResponse]] = LRUCache(max_bytes, getsizeof=itemgetter(0))

    def get(self, key: Key) -> CachedResponse | None:
        """Return a cached response, which may be stale."""
        entry = self._entries.get(key)
        return None if entry is None else entry[1]

    def put(self, key: Key, response: CachedResponse, now: float) -> None:
        """Replace a response, where it may be cached, is small enough, and will be of use.

        It is of use while it is fresh at `now`, in seconds of the clock of `fresh_until`, or where it can be
        revalidated.
        """
        self._entries.pop(key, None)
        of_use = response.fetched.fresh_until > now or response.conditions
        size = len(response.fetched.body) + len(key[0]) + len(response.url)
        if of_use and response.may_be_cached and size <= self._max_bytes // SHARE_OF_ONE:
            self._entries[key] = size, response

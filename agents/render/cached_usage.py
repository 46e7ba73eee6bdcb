"""Cached usage: which network assets the last documents used, for posters whose key does not follow from the input."""

from dataclasses import dataclass, field
from typing import Final

from cachetools import LRUCache

from renderer.rendering import AssetUsage, Rendering
from schemas import outcomes

CACHE_SIZE: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedUsage:
    """The assets that a document used, and its warnings; empty where nothing is cached."""

    usage: AssetUsage = field(default_factory=AssetUsage)
    warnings: list[outcomes.PosterWarning] = field(default_factory=list)


NO_USAGE: Final = CachedUsage()


class UsageCache:
    """Usage by input digest, while all of its assets are fresh; the least recently used entries are evicted.

    It is in memory: another process, or this one after a restart, renders such a poster once more.
    """

    def __init__(self) -> None:
        self._cached: LRUCache[str, CachedUsage] = LRUCache(CACHE_SIZE)

    def find(self, input_digest: str, now: float) -> CachedUsage:
        """Return the cached usage, with `now` by the clock of `AssetUsage.fresh_until`."""
        cached = self._cached.get(input_digest)
        if cached is None:
            return NO_USAGE
        if cached.usage.fresh_until <= now:
            del self._cached[input_digest]
            return NO_USAGE
        return cached

    def note(self, input_digest: str, rendering: Rendering, now: float) -> None:
        """Cache the assets and warnings of a rendering, unless its assets may be different the next time."""
        self._cached.pop(input_digest, None)
        if rendering.usage.fresh_until > now and (rendering.assets or rendering.warnings):
            self._cached[input_digest] = CachedUsage(usage=rendering.usage, warnings=rendering.warnings)

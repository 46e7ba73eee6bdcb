"""Which sources are known: names that somebody makes up by the thousand are not, and share one place.

A source is known where a section of the catalog belongs to it, where it has a weight, or where a poster of it went to
rendering. Anybody can have a poster rendered in many names, so of the last kind the least recent are forgotten.
"""

from collections.abc import Container, Mapping
from types import MappingProxyType
from typing import Final

from cachetools import LRUCache

from renderer.deficit_round_robin import Source

SEEN_MAX: Final = 1_000


class KnownSources:
    """The known sources of a role. `owners`: those that own a section; requests without a source are one tenant."""

    def __init__(self, owners: Container[str], weights: Mapping[str, float] = MappingProxyType({})) -> None:
        self._owners = owners
        self._weights = weights
        self._seen: LRUCache[Source, bool] = LRUCache(SEEN_MAX)

    def __contains__(self, source: object) -> bool:
        """Return whether this is no name that may be made up."""
        return source is None or source in self._owners or source in self._weights or source in self._seen

    def note_rendered(self, source: Source) -> None:
        """Take note that a poster of a source goes to rendering."""
        self._seen[source] = True

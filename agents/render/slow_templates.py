"""Template versions that timed out, or drew nothing yet: fewer of their posters at once, so that others have pages."""

from typing import Final
from uuid import UUID

from cachetools import LRUCache

from agents.metrics import SLOW_TEMPLATES
from schemas.codes import ErrorCode

TIMEOUTS: Final[frozenset[ErrorCode]] = frozenset({"render_timeout", "script_timeout"})
TIMEOUTS_MAX: Final = 2
"""After so many timeouts without a drawn poster between them a version is slow."""
SLOW_IN_FLIGHT: Final = 1
"""Posters of slow versions that a source has in flight at most."""
VERSIONS_MAX: Final = 5_000


class SlowTemplates:
    """What this process knows of template versions; the least recently used are forgotten.

    Until the first poster of a version is stored, a source has `unproven_max` posters of such versions in flight: one
    fewer than there are pages, so that scripts that never end leave one to others.
    """

    def __init__(self, unproven_max: int) -> None:
        self._unproven_max = unproven_max
        self._timeouts: LRUCache[UUID, int] = LRUCache(VERSIONS_MAX)
        self._proven: LRUCache[UUID, bool] = LRUCache(VERSIONS_MAX)

    def in_flight_max(self, version_id: UUID | None) -> int | None:
        """Return how many posters of such versions a source may have in flight; None: no limit."""
        if version_id is None:
            return None
        if self.is_slow(version_id):
            return SLOW_IN_FLIGHT
        return None if version_id in self._proven else self._unproven_max

    def is_slow(self, version_id: UUID) -> bool:
        """Return whether a version timed out `TIMEOUTS_MAX` times, and drew nothing since."""
        timeouts: int = self._timeouts.get(version_id, 0)
        return timeouts >= TIMEOUTS_MAX

    def note_failure(self, version_id: UUID, code: ErrorCode) -> None:
        """Count a failure where it is a timeout."""
        if code in TIMEOUTS:
            self._timeouts[version_id] = self._timeouts.get(version_id, 0) + 1
            self._measure()

    def note_stored(self, version_id: UUID, *, drawn: bool) -> None:
        """Take note that a version can be drawn: a poster is in storage. If it is new, timeouts are forgotten."""
        self._proven[version_id] = True
        if drawn and self._timeouts.pop(version_id, None) is not None:
            self._measure()

    def _measure(self) -> None:
        SLOW_TEMPLATES.set(sum(count >= TIMEOUTS_MAX for count in self._timeouts.values()))

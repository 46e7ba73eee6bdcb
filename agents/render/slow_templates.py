"""Template versions that timed out again and again: they are tried less, so that others have the pages."""

from typing import Final
from uuid import UUID

from cachetools import LRUCache

from agents.metrics import SLOW_TEMPLATES
from schemas.codes import ErrorCode

TIMEOUTS: Final[frozenset[ErrorCode]] = frozenset({"render_timeout", "script_timeout"})
TIMEOUTS_MAX: Final = 2
"""After so many timeouts without a poster between them a version is slow."""
VERSIONS_MAX: Final = 1_000


class SlowTemplates:
    """Timeouts in a row, by template version; those of the least recently used versions are forgotten."""

    def __init__(self) -> None:
        self._timeouts: LRUCache[UUID, int] = LRUCache(VERSIONS_MAX)

    def is_slow(self, version_id: UUID | None) -> bool:
        """Return whether a version timed out `TIMEOUTS_MAX` times, and drew nothing since."""
        return version_id is not None and self._timeouts.get(version_id, 0) >= TIMEOUTS_MAX

    def note_failure(self, version_id: UUID, code: ErrorCode) -> None:
        """Count a failure where it is a timeout."""
        if code in TIMEOUTS:
            self._timeouts[version_id] = self._timeouts.get(version_id, 0) + 1
            self._measure()

    def note_success(self, version_id: UUID) -> None:
        """Forget the timeouts of a version: it can be drawn."""
        if self._timeouts.pop(version_id, None) is not None:
            self._measure()

    def _measure(self) -> None:
        SLOW_TEMPLATES.set(sum(count >= TIMEOUTS_MAX for count in self._timeouts.values()))

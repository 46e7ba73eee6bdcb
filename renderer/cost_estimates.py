"""What documents cost: the seconds that they hold a worker, estimated by those of their kind."""

from collections.abc import Hashable
from typing import Final

from cachetools import LRUCache

KINDS_MAX: Final = 5_000
FIRST_SECONDS: Final = 0.1
"""The estimate before anything was measured."""
RECENT_SHARE: Final = 0.3
"""Weight of the last measurement in the moving average."""


class CostEstimates:
    """A moving average for each kind, such as a template version and its output; the least recently used are evicted.

    A kind that was never measured costs what documents cost on average. Times are in seconds.
    """

    def __init__(self) -> None:
        self._seconds: LRUCache[Hashable, float] = LRUCache(KINDS_MAX)
        self._overall = FIRST_SECONDS

    def estimate(self, kind: Hashable) -> float:
        """Return what a document of this kind will probably cost."""
        seconds: float = self._seconds.get(kind, self._overall)
        return seconds

    def note(self, kind: Hashable, seconds: float) -> None:
        """Take a measurement into account."""
        self._seconds[kind] = _moved(self._seconds.get(kind, seconds), seconds)
        self._overall = _moved(self._overall, seconds)


def _moved(average: float, seconds: float) -> float:
    return average + RECENT_SHARE * (seconds - average)

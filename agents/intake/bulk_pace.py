"""Pace of bulk batches: how long intake pauses between two pieces of one, so that single posters do not wait for it.

A batch of ten thousand is pinned within seconds and drawn within minutes. Pinning it at full speed takes the processors
of this process, of the broker, of the sink and of the database, which single posters need to be drawn meanwhile.
"""

from typing import Final

BULK_SHARE: Final = 0.25
"""Of intake's time that bulk batches have while single posters arrive."""
ARRIVING_SECONDS: Final = 1.0
"""Single posters count as arriving for so long after the last one."""


class BulkPace:
    """Says how long to pause after a piece of a bulk batch. Times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._singles_until = float("-inf")

    def note_single(self, now: float) -> None:
        """Note that a single poster, or a small batch, arrived."""
        self._singles_until = now + ARRIVING_SECONDS

    def pause(self, worked: float, now: float) -> float:
        """Return for how many seconds to pause after a piece that took `worked` seconds: 0 without single posters."""
        if now > self._singles_until:
            return 0.0
        return worked * (1 / BULK_SHARE - 1)

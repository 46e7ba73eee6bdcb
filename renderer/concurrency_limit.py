"""Limit of the documents in flight. One that only waits for its assets yields its permit to another."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from renderer.deficit_round_robin import Source
from schemas.fields import Priority

YIELDED_MAX: Final = 64
"""Permits yielded at once: each of their documents, with the assets fetched so far, is in memory."""
RESERVED: Final = 2
"""Normal documents of a source that begin although every permit is taken: a single poster never waits until bulk, or
another source, has released one, and the next one does not wait until the first is stored."""
RESERVED_MAX: Final = 16
"""Documents of all sources that have begun in this way and are not finished: they are in memory."""


def _ignore() -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Permit:
    """A document in flight."""

    lane: Priority
    source: Source
    reserved: bool


class ConcurrencyLimit:
    """A semaphore of `count` permits, and some beyond for sources that have few documents in flight.

    A yielded permit goes to whoever comes next, so for a while there can be more holders than permits.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._yielded = 0
        self._reserved = 0
        self._normal: Counter[Source] = Counter()
        self.on_free: Callable[[], object] = _ignore
        """Called whenever a permit has become free."""

    def has_room(self, lane: Priority, source: Source) -> bool:
        """Return whether a document of this lane and source may begin now."""
        return self._free > 0 or self._may_use_reserve(lane, source)

    def acquire(self, lane: Priority, source: Source) -> Permit:
        """Take a permit for a document that has room."""
        permit = Permit(lane, source, reserved=self._free <= 0)
        if permit.reserved:
            self._reserved += 1
        else:
            self._free -= 1
        if lane == "normal":
            self._normal[source] += 1
        return permit

    def release(self, permit: Permit) -> None:
        """Give a permit back."""
        if permit.reserved:
            self._reserved -= 1
        else:
            self._free += 1
        if permit.lane == "normal":
            self._normal[permit.source] -= 1
            if not self._normal[permit.source]:
                del self._normal[permit.source]
        self.on_free()

    @contextmanager
    def yielded(self) -> Iterator[None]:
        """Let another have the permit while the body runs. Afterwards nobody is stopped, but nobody new comes in."""
        if self._yielded >= YIELDED_MAX:
            yield
            return
        self._yielded += 1
        self._free += 1
        self.on_free()
        try:
            yield
        finally:
            self._yielded -= 1
            self._free -= 1

    def _may_use_reserve(self, lane: Priority, source: Source) -> bool:
        return lane == "normal" and self._normal[source] < RESERVED and self._reserved < RESERVED_MAX

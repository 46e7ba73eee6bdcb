"""Which records of a partition are in a role's hands, and how far the partition may be committed."""

from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Entry(Generic[T]):
    item: T
    weight: int
    finished: bool = False


class OffsetTracker(Generic[T]):
    """The delivered records of one partition since it was assigned, in order.

    Only the contiguous finished head is released: what comes out of `finish` is safe to acknowledge, because nothing
    before it is still being worked on. Offsets may have gaps (compaction, transactions): what counts is the order of
    delivery, never the next number.
    """

    def __init__(self) -> None:
        self._order: deque[_Entry[T]] = deque()
        self._by_offset: dict[int, _Entry[T]] = {}
        self.held = 0
        """Weight of the records that are delivered and not yet released."""
        self.last: int | None = None
        """The offset that was delivered last, or None where none was."""

    def __len__(self) -> int:
        return len(self._order)

    @property
    def head(self) -> T | None:
        """The first record that is not released, or None where there is none."""
        return self._order[0].item if self._order else None

    def has(self, offset: int) -> bool:
        """Say whether this record, or a later one, was delivered before: then it is fetched again."""
        return self.last is not None and offset <= self.last

    def deliver(self, offset: int, item: T, weight: int = 1) -> bool:
        """Add a record; False where it was delivered before."""
        if self.has(offset):
            return False
        self.last = offset
        entry = _Entry(item=item, weight=weight)
        self._order.append(entry)
        self._by_offset[offset] = entry
        self.held += weight
        return True

    def finish(self, offset: int) -> list[T]:
        """Mark a record finished and return those that may now be acknowledged, in order.

        An offset that is not in the window is a late finish of an earlier assignment: nothing is released.
        """
        entry = self._by_offset.pop(offset, None)
        if entry is None:
            return []
        entry.finished = True
        released = []
        while self._order and self._order[0].finished:
            head = self._order.popleft()
            self.held -= head.weight
            released.append(head.item)
        return released

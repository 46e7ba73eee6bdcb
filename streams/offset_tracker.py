"""Offsets of one partition: which records are unfinished, and up to where the partition may be committed."""

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

    Only the contiguous finished head is released: what `finish` returns is safe to acknowledge, because every record
    before it is finished too. Offsets may have gaps (compaction, transactions): the order of delivery counts, not the
    next number.
    """

    def __init__(self) -> None:
        self._order: deque[_Entry[T]] = deque()
        self._by_offset: dict[int, _Entry[T]] = {}
        self.weight = 0
        """Total weight of the records that are delivered and not yet released."""
        self.last_delivered: int | None = None
        """The highest offset delivered since the assignment, or None before the first delivery."""

    def __len__(self) -> int:
        return len(self._order)

    @property
    def head(self) -> T | None:
        """The first record that is not released, or None where there is none."""
        return self._order[0].item if self._order else None

    def was_delivered(self, offset: int) -> bool:
        """Return whether this offset, or a later one, was delivered before: the record is then a duplicate."""
        return self.last_delivered is not None and offset <= self.last_delivered

    def deliver(self, offset: int, item: T, weight: int = 1) -> bool:
        """Add a record; False where it was delivered before."""
        if self.was_delivered(offset):
            return False
        self.last_delivered = offset
        entry = _Entry(item=item, weight=weight)
        self._order.append(entry)
        self._by_offset[offset] = entry
        self.weight += weight
        return True

    def finish(self, offset: int) -> list[T]:
        """Mark a record finished and return those that may now be acknowledged, in order.

        An unknown offset is a late finish of an earlier assignment: nothing is released.
        """
        entry = self._by_offset.pop(offset, None)
        if entry is None:
            return []
        entry.finished = True
        released = []
        while self._order and self._order[0].finished:
            head = self._order.popleft()
            self.weight -= head.weight
            released.append(head.item)
        return released

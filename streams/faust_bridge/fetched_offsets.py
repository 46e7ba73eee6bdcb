"""The offsets of a partition that were fetched since its assignment, to detect records lost after the fetch.

Offsets may have gaps (compaction, transactions), and in some races of a rebalance Faust drops fetched records without a
message and does not fetch them again. Only the list of what was fetched tells a gap from a lost record.
"""

from collections.abc import Iterable


class FetchedOffsets:
    """Fetched offsets in the order of the partition. Fetching an offset again changes nothing."""

    def __init__(self) -> None:
        self.first: int | None = None
        self.last: int | None = None
        self._predecessors: dict[int, int] = {}
        """The offset fetched before, for each offset that follows a gap."""

    def add(self, offsets: Iterable[int]) -> None:
        """Add the offsets of a fetch."""
        for offset in offsets:
            if self.last is None:
                self.first = offset
            elif offset <= self.last:
                continue
            elif offset != self.last + 1:
                self._predecessors[offset] = self.last
            self.last = offset

    def is_next(self, offset: int, after: int | None) -> bool:
        """Return whether `offset` was fetched, and nothing between `after` and it; None: since the assignment."""
        if self.last is None or offset > self.last:
            return False
        if offset == self.first:
            return True
        return after is not None and self._predecessors.get(offset, offset - 1) <= after

    def next_after(self, after: int | None) -> int | None:
        """Return the lowest offset that the record after `after` can have; None where nothing was fetched."""
        return self.first if after is None else after + 1

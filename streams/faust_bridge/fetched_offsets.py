"""The records of a partition that were fetched since it was assigned, one after the other.

Offsets may have gaps, and what was fetched may get lost on its way to a role: in some races of a rebalance Faust drops
records without a word, and without fetching them again. Only what was fetched tells the one from the other.
"""

from collections.abc import Iterable


class FetchedOffsets:
    """Offsets in the order of the partition. What is fetched again changes nothing."""

    def __init__(self) -> None:
        self.first: int | None = None
        self.last: int | None = None
        self._before: dict[int, int] = {}

    def add(self, offsets: Iterable[int]) -> None:
        """Take in what was fetched."""
        for offset in offsets:
            if self.last is None:
                self.first = offset
            elif offset <= self.last:
                continue
            elif offset != self.last + 1:
                self._before[offset] = self.last
            self.last = offset

    def follows(self, offset: int, after: int | None) -> bool:
        """Say whether no record was fetched between `after`, None: the assignment, and `offset`, which was."""
        if self.last is None or offset > self.last:
            return False
        if offset == self.first:
            return True
        return after is not None and self._before.get(offset, offset - 1) <= after

    def next(self, after: int | None) -> int | None:
        """Return the least offset at which the record after `after` can be; None where nothing was fetched."""
        return self.first if after is None else after + 1

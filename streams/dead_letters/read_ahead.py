"""Reads waiting records ahead: where one of them can be decoded, bad records before it say nothing about the role."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from cachetools import LRUCache

from streams.delivery import Delivery
from streams.inbox import Position, position_of

READ_EVERY_SECONDS: Final = 1.0
"""How often waiting records are read, to see whether one can be decoded."""
READ_AT_ONCE: Final = 2_000
"""Waiting records that are read at a time: with bad ones that takes some 10 ms."""
REMEMBERED_MAX: Final = 50_000
"""Waiting records of which is remembered whether they can be decoded."""
DECODABLE_FAILURES_MAX: Final = 5
"""Decodable records that became dead letters with no good record since: after so many, decoding proves nothing."""


class ReadAhead:
    """Which waiting records the role can decode. Of none this is said once `DECODABLE_FAILURES_MAX` have failed."""

    def __init__(self, is_decodable: Callable[[Delivery], bool]) -> None:
        self._is_decodable = is_decodable
        self._known: LRUCache[Position, bool] = LRUCache(REMEMBERED_MAX)
        self._failures = 0
        self._next_read = 0.0
        self._had_decodable = False

    def decodable(self, waiting: Sequence[Delivery]) -> list[Delivery]:
        """Return the records that can be decoded, as far as they have been read."""
        return list(self._decodable(waiting))

    def has_decodable(self, waiting: Callable[[], Sequence[Delivery]], now: float) -> bool:
        """Return whether one of the records can be decoded; they are read every `READ_EVERY_SECONDS` at most."""
        if now >= self._next_read:
            self._next_read = now + READ_EVERY_SECONDS
            self._had_decodable = next(self._decodable(waiting()), None) is not None
        return self._had_decodable and self._failures < DECODABLE_FAILURES_MAX

    def add_failure(self, delivery: Delivery) -> None:
        """Take note of a dead letter."""
        if self._is_decodable(delivery):
            self._failures += 1

    def reset(self) -> None:
        """Forget the failures: a record was good, or the role works again."""
        self._failures = 0

    def _decodable(self, waiting: Sequence[Delivery]) -> Iterator[Delivery]:
        if self._failures >= DECODABLE_FAILURES_MAX:
            return
        unread = READ_AT_ONCE
        for delivery in waiting:
            position = position_of(delivery)
            is_decodable = self._known.get(position)
            if is_decodable is None and unread:
                unread -= 1
                is_decodable = self._known[position] = self._is_decodable(delivery)
            if is_decodable:
                yield delivery

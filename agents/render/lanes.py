"""Two lanes, one pool of slots: bulk gets what interactive leaves, and never less than a fifth."""

from collections import deque
from collections.abc import Callable, Iterator, Set
from itertools import chain
from typing import Final

from schemas.topics import POSTER_RENDERS_BULK
from streams.delivery import Delivery
from streams.inbox import Partition

INTERACTIVE_IN_A_ROW: Final = 4
"""After this many interactive posters while bulk was waiting, one bulk poster is next: a fifth of the slots."""


class Lanes:
    """The order in which waiting posters are rendered.

    Bulk alone waits until `has_room_for_bulk`: the last places are for interactive posters to come.
    """

    def __init__(self, has_room_for_bulk: Callable[[], bool]) -> None:
        self._has_room_for_bulk = has_room_for_bulk
        self._interactive: deque[Delivery] = deque()
        self._bulk: deque[Delivery] = deque()
        self._in_a_row = 0

    def __len__(self) -> int:
        return len(self._interactive) + (len(self._bulk) if self._has_room_for_bulk() else 0)

    def append(self, delivery: Delivery) -> None:
        """Add a poster to the lane of its topic."""
        lane = self._bulk if delivery.topic == POSTER_RENDERS_BULK else self._interactive
        lane.append(delivery)

    def popleft(self) -> Delivery:
        """Remove and return the next poster."""
        bulk_is_due = not self._interactive or self._in_a_row >= INTERACTIVE_IN_A_ROW
        if self._bulk and bulk_is_due:
            self._in_a_row = 0
            return self._bulk.popleft()
        self._in_a_row = self._in_a_row + 1 if self._bulk else 0
        return self._interactive.popleft()

    def __iter__(self) -> Iterator[Delivery]:
        """Yield all waiting posters."""
        return chain(self._interactive, self._bulk)

    def remove(self, delivery: Delivery) -> None:
        """Remove a waiting poster."""
        lane = self._bulk if delivery.topic == POSTER_RENDERS_BULK else self._interactive
        lane.remove(delivery)

    def drop(self, partitions: Set[Partition]) -> None:
        """Forget the posters of these partitions."""
        for lane in (self._interactive, self._bulk):
            kept = [delivery for delivery in lane if (delivery.topic, delivery.partition) not in partitions]
            lane.clear()
            lane.extend(kept)

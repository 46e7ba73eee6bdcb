"""The queue of a render worker: two lanes, of which bulk gets what normal posters leave, and at least a fifth."""

from collections import deque
from collections.abc import Callable, Iterator, Set
from itertools import chain
from typing import Final

from renderer.lane_policy import LanePolicy
from schemas.fields import Priority
from schemas.topics import POSTER_RENDERS_BULK
from streams.delivery import Delivery
from streams.inbox import Partition

LANES: Final[tuple[Priority, ...]] = ("normal", "bulk")


class Lanes:
    """The order in which waiting posters are rendered.

    While no normal poster waits, bulk ones need `has_room_for_bulk`: the last permits are for normal posters to come.
    """

    def __init__(self, has_room_for_bulk: Callable[[], bool]) -> None:
        self._has_room_for_bulk = has_room_for_bulk
        self._waiting: dict[Priority, deque[Delivery]] = {lane: deque() for lane in LANES}
        self._policy = LanePolicy()

    def __len__(self) -> int:
        bulk = len(self._waiting["bulk"]) if self._has_room_for_bulk() else 0
        return len(self._waiting["normal"]) + bulk

    def append(self, delivery: Delivery) -> None:
        """Add a poster to the lane of its topic."""
        self._waiting[_lane(delivery)].append(delivery)

    def popleft(self) -> Delivery:
        """Remove and return the next poster. Raises IndexError where none waits."""
        return self._waiting[self._policy.next(self._waiting) or "normal"].popleft()

    def __iter__(self) -> Iterator[Delivery]:
        """Yield all waiting posters."""
        return chain.from_iterable(self._waiting.values())

    def remove(self, delivery: Delivery) -> None:
        """Remove a waiting poster."""
        self._waiting[_lane(delivery)].remove(delivery)

    def drop(self, partitions: Set[Partition]) -> None:
        """Remove the posters of these partitions."""
        for waiting in self._waiting.values():
            remaining = [delivery for delivery in waiting if (delivery.topic, delivery.partition) not in partitions]
            waiting.clear()
            waiting.extend(remaining)


def _lane(delivery: Delivery) -> Priority:
    return "bulk" if delivery.topic == POSTER_RENDERS_BULK else "normal"

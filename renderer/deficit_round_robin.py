"""Deficit round robin: whose work is next, so that each source has its share by cost. A plain data structure.

Each round gives every waiting source a quantum, times its weight. A source with something left is served, and pays what
its work costs: an estimate at first, corrected once the cost is known. So its deficit may become negative, and then the
others are served until it has paid.
"""

from collections import deque
from collections.abc import Callable, Container, Iterator, Mapping
from types import MappingProxyType
from typing import Final, Generic, TypeVar

from cachetools import LRUCache

Source = str | None
"""The `source` of an event; None is a source of its own."""

Item = TypeVar("Item")

SOURCES_MAX: Final = 256
"""Sources with a queue of their own; those beyond share one, so that a made-up name costs nothing."""
IDLE_MAX: Final = 1_000
"""Sources without waiting work whose deficit is remembered."""
OTHERS: Final = "\x00others"
"""Stands for the sources beyond `SOURCES_MAX`: no event can hold this name."""

_NO_WEIGHTS: Final[Mapping[str, float]] = MappingProxyType({})


def _every(_: Source) -> bool:
    return True


class DeficitRoundRobin(Generic[Item]):
    """Items that wait, in a queue for each source. Whoever takes one charges its cost, in the unit of `quantum`.

    A source that comes back and owes nothing is next, and so is a new one. But of two turns one is for sources that
    were there before: names that somebody makes up have half of the turns at most. A source has the weight 1 where
    `weights` has no other. Sources that are `known` have a queue of their own, however many others there are.
    """

    def __init__(
        self, quantum: float, weights: Mapping[str, float] = _NO_WEIGHTS, known: Container[Source] = ()
    ) -> None:
        self._quantum = quantum
        self._weights = weights
        self._known = known
        self._queues: dict[Source, deque[Item]] = {}
        self._length = 0
        self._deficits: dict[Source, float] = {}
        self._fresh: deque[Source] = deque()
        self._waiting: deque[Source] = deque()
        self._fresh_was_last = False
        self._rounds = 0
        self._idle: LRUCache[Source, tuple[float, int]] = LRUCache(IDLE_MAX)

    def __len__(self) -> int:
        """Return how many items wait."""
        return self._length

    def __iter__(self) -> Iterator[Item]:
        """Yield all items, those of a source in their order."""
        for queue in self._queues.values():
            yield from queue

    @property
    def sources(self) -> tuple[Source, ...]:
        """The sources that have something waiting."""
        return tuple(self._queues)

    def waiting_of(self, source: Source) -> int:
        """Return how many items of a source wait."""
        return len(self._queues.get(source, ()))

    def head(self, source: Source) -> Item | None:
        """Return the first item of a source, or None."""
        queue = self._queues.get(source)
        return queue[0] if queue else None

    def append(self, source: Source, item: Item) -> None:
        """Add an item behind those of its source."""
        self._length += 1
        queue = self._queues.get(source)
        (self._queue(source) if queue is None else queue).append(item)

    def appendleft(self, source: Source, item: Item) -> None:
        """Add an item before those of its source."""
        self._length += 1
        self._queue(source).appendleft(item)

    def can_pop(self, admits: Callable[[Source], bool] = _every) -> bool:
        """Return whether a source that is admitted has something waiting."""
        return any(map(admits, self._queues))

    def popleft(self, admits: Callable[[Source], bool] = _every) -> tuple[Source, Item]:
        """Remove the next item of the sources that are admitted; return it and whom to charge for it.

        Raises IndexError where there is none.
        """
        source = self._next(admits)
        queue = self._queues[source]
        item = queue.popleft()
        self._length -= 1
        if not queue:
            self._retire(source)
        return source, item

    def charge(self, source: Source, cost: float) -> None:
        """Have a source pay for what it got. A negative cost gives back what an estimate was too high."""
        deficit = self._deficits.get(source)
        if deficit is None:
            self._idle[source] = (min(self._share(source), self._remembered(source) - cost), self._rounds)
        else:
            self._deficits[source] = deficit - cost if cost > 0 else min(self._share(source), deficit - cost)

    def remove(self, source: Source, item: Item) -> Source:
        """Remove an item and return whom to charge for it. Raises ValueError where it does not wait."""
        for name in (source, OTHERS):
            queue = self._queues.get(name)
            if queue is not None and item in queue:
                queue.remove(item)
                self._length -= 1
                if not queue:
                    self._retire(name)
                return name
        raise ValueError(f"no such item of {source!r} waits")

    def drop(self, unwanted: Callable[[Item], bool]) -> None:
        """Remove all items for which `unwanted` is true."""
        for source, queue in list(self._queues.items()):
            remaining = [item for item in queue if not unwanted(item)]
            self._length += len(remaining) - len(queue)
            queue.clear()
            queue.extend(remaining)
            if not queue:
                self._retire(source)

    def _share(self, source: Source) -> float:
        return self._quantum * (1.0 if source is None else self._weights.get(source, 1.0))

    def _queue(self, source: Source) -> deque[Item]:
        """Return the queue of a source. One that comes back and owes nothing is before those that wait."""
        if source not in self._queues and len(self._queues) >= SOURCES_MAX and not self._is_known(source):
            source = OTHERS
        if source not in self._queues:
            self._queues[source] = deque()
            self._deficits[source] = self._remembered(source)
            if self._idle.pop(source, None) is None:
                self._fresh.append(source)
            elif self._deficits[source] > 0:
                self._waiting.appendleft(source)
            else:
                self._waiting.append(source)
        return self._queues[source]

    def _is_known(self, source: Source) -> bool:
        return source in self._weights or source in self._known

    def _retire(self, source: Source) -> None:
        del self._queues[source]
        self._idle[source] = (self._deficits.pop(source), self._rounds)
        (self._fresh if source in self._fresh else self._waiting).remove(source)

    def _remembered(self, source: Source) -> float:
        """Return the deficit of a source without a queue: what it had, and its share of the rounds since then."""
        share = self._share(source)
        deficit, at = self._idle.get(source, (share, self._rounds))
        return min(share, deficit + (self._rounds - at) * share)

    def _next(self, admits: Callable[[Source], bool]) -> Source:
        if len(self._queues) == 1:
            return self._only(admits)
        fresh = next(((source,) for source in self._fresh if admits(source)), ())
        waiting = list(filter(admits, self._waiting))
        if fresh and not (self._fresh_was_last and waiting):
            self._fresh_was_last = True
            self._fresh.remove(fresh[0])
            self._waiting.append(fresh[0])
            return fresh[0]
        if not waiting:
            raise IndexError("nothing waits that is admitted")
        self._fresh_was_last = False
        while all(self._deficits[source] <= 0 for source in waiting):  # a second time where the first was rounded
            self._give_rounds(min(self._rounds_owed(source) for source in waiting))
        source = next(source for source in waiting if self._deficits[source] > 0)
        self._waiting.remove(source)
        self._waiting.append(source)
        return source

    def _only(self, admits: Callable[[Source], bool]) -> Source:
        """Return the only source, without a look at the others. It does not fall behind while it is alone."""
        (source,) = self._queues
        if not admits(source):
            raise IndexError("nothing waits that is admitted")
        if self._fresh:
            self._waiting.append(self._fresh.popleft())
        if self._deficits[source] <= 0:
            self._give_rounds(self._rounds_owed(source))
        return source

    def _rounds_owed(self, source: Source) -> int:
        """Return how many rounds a source needs until it may be served."""
        return int(-self._deficits[source] // self._share(source)) + 1

    def _give_rounds(self, rounds: int) -> None:
        """Give every source with a queue its share of so many rounds."""
        self._rounds += rounds
        for source, deficit in self._deficits.items():
            share = self._share(source)
            self._deficits[source] = min(share, deficit + rounds * share)

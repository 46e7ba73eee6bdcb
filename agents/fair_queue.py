"""The queue of a role's inbox in which the sources have equal shares, by the size of their records."""

from collections.abc import Callable, Iterator, Mapping, Set
from types import MappingProxyType
from typing import Final

from renderer.deficit_round_robin import DeficitRoundRobin
from streams.delivery import Delivery
from streams.inbox import Partition, weigh_by_size
from streams.producers import source_of

QUANTUM: Final = 10.0
"""What a source may have handled in one round, in the unit of `weigh_by_size`: ten records of up to 2 KB."""


class FairQueue:
    """Waiting records, those of a source in the order of their arrival; between sources deficit round robin.

    `own_topics`: topics of a single source. A record there counts as that source's, whatever source it names.
    """

    def __init__(
        self,
        weights: Mapping[str, float] = MappingProxyType({}),
        cost: Callable[[Delivery], float] = weigh_by_size,
        *,
        own_topics: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._waiting: DeficitRoundRobin[Delivery] = DeficitRoundRobin(QUANTUM, weights)
        self._cost = cost
        self._own_topics = own_topics

    @property
    def sources(self) -> int:
        """The number of sources that have records waiting."""
        return len(self._waiting.sources)

    def __len__(self) -> int:
        """Return how many records wait."""
        return len(self._waiting)

    def append(self, delivery: Delivery) -> None:
        """Add a record."""
        self._waiting.append(self._own_topics.get(delivery.topic) or source_of(delivery), delivery)

    def popleft(self) -> Delivery:
        """Remove and return the next record; its source pays for it."""
        source, delivery = self._waiting.popleft()
        self._waiting.charge(source, self._cost(delivery))
        return delivery

    def __iter__(self) -> Iterator[Delivery]:
        """Yield all waiting records, those of a source in its order."""
        return iter(self._waiting)

    def remove(self, delivery: Delivery) -> None:
        """Remove a waiting record."""
        self._waiting.drop(lambda each: each is delivery)

    def drop(self, partitions: Set[Partition]) -> None:
        """Remove the records of these partitions."""
        self._waiting.drop(lambda each: (each.topic, each.partition) in partitions)

    def end(self, _: Delivery) -> None:
        """Do nothing: a record is paid for when it is handed out."""

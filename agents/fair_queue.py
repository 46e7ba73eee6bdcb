"""The queue of a role's inbox in which the sources have equal shares, by the size of their records."""

from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from cachetools import LRUCache

from renderer.deficit_round_robin import DeficitRoundRobin, Source
from streams.delivery import Delivery
from streams.inbox import Partition, weigh_by_size
from streams.producers import source_of

QUANTUM: Final = 10.0
"""What a source may have handled in one round, in the unit of `weigh_by_size`: ten records of up to 2 KB."""
REMOVED_MAX: Final = 100
"""Records that were removed and are in no round yet; those that never come to be in one are forgotten."""


@dataclass(frozen=True, slots=True)
class Round:
    """Records that are handled together, and their sources. `is_small`: none costs more than `QUANTUM`."""

    deliveries: list[Delivery]
    sources: frozenset[Source]
    is_small: bool


class FairQueue:
    """Waiting records, those of a source in the order of their arrival; between sources deficit round robin.

    A source has one round at a time: its next records wait until the round has ended, and those of others do not. So a
    source's records are handled in their order, and nobody waits for the round of another.

    `own_topics`: topics of a single source. A record there counts as that source's, whatever source it names. `known`
    sources have a queue of their own, however many others there are.
    """

    def __init__(
        self,
        weights: Mapping[str, float] = MappingProxyType({}),
        cost: Callable[[Delivery], float] = weigh_by_size,
        *,
        own_topics: Mapping[str, str] = MappingProxyType({}),
        known: Container[Source] = (),
    ) -> None:
        self._waiting: DeficitRoundRobin[Delivery] = DeficitRoundRobin(QUANTUM, weights, known)
        self._cost = cost
        self._own_topics = own_topics
        self._payers: dict[Delivery, Source] = {}
        """Of the records that were handed out and are in no round yet."""
        self._removed: LRUCache[Delivery, Source] = LRUCache(REMOVED_MAX)
        """The sources of records that were removed out of their turn and are in no round yet."""
        self._rounds: Counter[Source] = Counter()
        """Rounds by source: one, and a second one for a record that was removed out of its turn."""

    @property
    def sources(self) -> int:
        """The number of sources that have records waiting or a round."""
        return len(self._rounds.keys() | self._waiting.sources if self._rounds else self._waiting.sources)

    def __len__(self) -> int:
        """Return how many records wait of sources that have no round."""
        return len(self._waiting) - sum(map(self._waiting.waiting_of, self._rounds))

    def append(self, delivery: Delivery) -> None:
        """Add a record."""
        self._waiting.append(self._source(delivery), delivery)

    def popleft(self) -> Delivery:
        """Remove and return the next record; its source pays for it."""
        source, delivery = self._waiting.popleft(self._has_no_round) if self._rounds else self._waiting.popleft()
        self._waiting.charge(source, self._cost(delivery))
        self._payers[delivery] = source
        return delivery

    def begin_rounds(self, taken: Sequence[Delivery]) -> list[Round]:
        """Return the rounds of records that were handed out: one for each source with much, one for all others."""
        by_source: dict[Source, list[Delivery]] = {}
        for delivery in taken:
            payer = self._removed.pop(delivery) if delivery in self._removed else self._payers.get(delivery)
            by_source.setdefault(payer, []).append(delivery)
        self._payers.clear()
        self._rounds.update(by_source.keys())
        small = {source for source, each in by_source.items() if sum(map(self._cost, each)) <= QUANTUM}
        rounds = [Round(each, frozenset([source]), False) for source, each in by_source.items() if source not in small]
        together = [delivery for source, each in by_source.items() if source in small for delivery in each]
        return [Round(together, frozenset(small), True), *rounds] if small else rounds

    def end_round(self, ended: Round) -> None:
        """Hand out further records of its sources. Afterwards, call `Inbox.recheck_queue`."""
        for source in ended.sources:
            self._rounds[source] -= 1
            if not self._rounds[source]:
                del self._rounds[source]

    def _has_no_round(self, source: Source) -> bool:
        return source not in self._rounds

    def _source(self, delivery: Delivery) -> Source:
        return self._own_topics.get(delivery.topic) or source_of(delivery)

    def __iter__(self) -> Iterator[Delivery]:
        """Yield all waiting records, those of a source in its order."""
        return iter(self._waiting)

    def remove(self, delivery: Delivery) -> None:
        """Remove a waiting record, which is handed out of its turn."""
        self._removed[delivery] = self._waiting.remove(self._source(delivery), delivery)

    def drop(self, partitions: Set[Partition]) -> None:
        """Remove the records of these partitions."""
        self._waiting.drop(lambda each: (each.topic, each.partition) in partitions)

    def end(self, _: Delivery) -> None:
        """Do nothing: a record is paid for when it is handed out."""

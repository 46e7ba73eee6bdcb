"""The queue of a role's inbox in which the sources have equal shares, by the size of their records."""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from renderer.deficit_round_robin import DeficitRoundRobin, Source
from streams.delivery import Delivery
from streams.inbox import Partition, weigh_by_size
from streams.producers import source_of

QUANTUM: Final = 10.0
"""What a source may have handled in one round, in the unit of `weigh_by_size`: ten records of up to 2 KB."""


@dataclass(frozen=True, slots=True)
class Round:
    """Records that are handled together, and their sources, which have no other round meanwhile."""

    deliveries: list[Delivery]
    sources: frozenset[Source]

    @property
    def is_small(self) -> bool:
        """Whether each of its sources has few records in it."""
        return len(self.deliveries) <= QUANTUM * len(self.sources)


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
        self._in_round: set[Source] = set()

    @property
    def sources(self) -> int:
        """The number of sources that have records waiting or a round."""
        return len(self._in_round.union(self._waiting.sources) if self._in_round else self._waiting.sources)

    def __len__(self) -> int:
        """Return how many records wait of sources that have no round."""
        return len(self._waiting) - sum(map(self._waiting.waiting_of, self._in_round))

    def append(self, delivery: Delivery) -> None:
        """Add a record."""
        self._waiting.append(self._own_topics.get(delivery.topic) or source_of(delivery), delivery)

    def popleft(self) -> Delivery:
        """Remove and return the next record; its source pays for it."""
        source, delivery = self._waiting.popleft(self._has_no_round) if self._in_round else self._waiting.popleft()
        self._waiting.charge(source, self._cost(delivery))
        self._payers[delivery] = source
        return delivery

    def begin_rounds(self, taken: Sequence[Delivery]) -> list[Round]:
        """Return the rounds of records that were handed out: one for each source with many, one for all others."""
        by_source: dict[Source, list[Delivery]] = {}
        for delivery in taken:
            by_source.setdefault(self._payers.get(delivery), []).append(delivery)
        self._payers.clear()
        self._in_round.update(by_source)
        small = {source for source, each in by_source.items() if len(each) <= QUANTUM}
        rounds = [Round(each, frozenset([source])) for source, each in by_source.items() if source not in small]
        together = [delivery for source, each in by_source.items() if source in small for delivery in each]
        return [Round(together, frozenset(small)), *rounds] if small else rounds

    def end_round(self, ended: Round) -> None:
        """Hand out further records of its sources. Afterwards, call `Inbox.recheck_queue`."""
        self._in_round -= ended.sources

    def _has_no_round(self, source: Source) -> bool:
        return source not in self._in_round

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

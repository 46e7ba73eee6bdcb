"""Requests whose template is not in the catalog yet: each waits for some seconds, within a share of its partition."""

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Final, TypeVar

from renderer.deficit_round_robin import OTHERS, Source
from streams.delivery import Delivery
from streams.inbox import Partition, weigh_by_size

SHARE: Final = 0.25
"""How much of a partition's in-flight capacity may wait for templates."""

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingRequest:
    """A request that waits until `due`, by the clock of the event loop."""

    delivery: Delivery
    source: Source
    template_id: str
    due: float
    weight: int

    @property
    def partition(self) -> Partition:
        """Its partition."""
        return self.delivery.topic, self.delivery.partition


class WaitingRequests:
    """Waiting requests, in the order in which they are due; `capacity` is the weight that may wait in a partition.

    Where more would wait, the one that has waited longest of the source with the most is to be answered at once: a
    source that asks for unknown templates by the thousand has its answers sooner, and delays nobody else. All sources
    that are not `known` count as one, so that a flood in made-up names makes room for itself.
    """

    def __init__(self, capacity: float, known: Container[Source]) -> None:
        self._capacity = capacity
        self._known = known
        self._waiting: dict[Delivery, WaitingRequest] = {}
        self._by_template: dict[str, dict[Delivery, None]] = {}
        self._by_source: dict[Partition, dict[Source, dict[Delivery, None]]] = {}
        self._weights: dict[Partition, dict[Source, int]] = {}

    def __len__(self) -> int:
        """Return how many requests wait."""
        return len(self._waiting)

    @property
    def next_due(self) -> float | None:
        """When the first is due, or None where none waits."""
        first = next(iter(self._waiting.values()), None)
        return None if first is None else first.due

    def add(self, delivery: Delivery, source: Source, template_id: str, due: float) -> list[Delivery]:
        """Add a request, due no earlier than those before it; return what is to be answered now to make room."""
        if source not in self._known:
            source = OTHERS
        request = WaitingRequest(
            delivery=delivery, source=source, template_id=template_id, due=due, weight=weigh_by_size(delivery)
        )
        self._waiting[delivery] = request
        self._by_template.setdefault(template_id, {})[delivery] = None
        self._by_source.setdefault(request.partition, {}).setdefault(source, {})[delivery] = None
        weights = self._weights.setdefault(request.partition, {})
        weights[source] = weights.get(source, 0) + request.weight
        overflow = []
        while sum(weights.values()) > self._capacity:
            most = max(weights, key=lambda each: weights[each])
            overflow.append(self._pop(next(iter(self._by_source[request.partition][most]))))
        return overflow

    def pop_due(self, now: float, limit: int) -> list[Delivery]:
        """Remove and return up to `limit` requests whose time has passed."""
        due: list[Delivery] = []
        while len(due) < limit and (first := self.next_due) is not None and first <= now:
            due.append(self._pop(next(iter(self._waiting))))
        return due

    def templates(self) -> list[str]:
        """Return the templates that requests wait for."""
        return list(self._by_template)

    def pop_known(self, template_id: str, is_known: Callable[[Delivery], bool]) -> list[Delivery]:
        """Remove and return the requests for a template where it is known now to the first of them."""
        waiting = self._by_template.get(template_id, {})
        first = next(iter(waiting), None)
        if first is None or not is_known(first):
            return []
        return [self._pop(delivery) for delivery in list(waiting)]

    def _pop(self, delivery: Delivery) -> Delivery:
        request = self._waiting.pop(delivery)
        partition, source = request.partition, request.source
        _discard(self._by_template, request.template_id, delivery)
        _discard(self._by_source[partition], source, delivery)
        self._weights[partition][source] -= request.weight
        if source not in self._by_source[partition]:
            del self._weights[partition][source]
        if not self._by_source[partition]:
            del self._by_source[partition], self._weights[partition]
        return delivery


def _discard(groups: dict[Key, dict[Delivery, None]], key: Key, delivery: Delivery) -> None:
    """Remove a request from its group, and the group with its last one."""
    del groups[key][delivery]
    if not groups[key]:
        del groups[key]
